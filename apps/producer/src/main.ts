import { runApp } from '@clickstream/kafka-client';
import { app } from './app.ts';

await runApp(process, app);
