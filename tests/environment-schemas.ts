import type { z } from 'zod';
import { DEPLOYED_APPS } from '../scripts/deploy-steps.ts';

type App = (typeof DEPLOYED_APPS)[number];

/** The zod schema of each app's environment. */
export async function environmentSchemas(): Promise<Record<App, z.ZodObject>> {
  const schemas = await Promise.all(
    DEPLOYED_APPS.map(async (app) => {
      const { environmentSchema } = (await import(`../apps/${app}/src/config.ts`)) as {
        environmentSchema: z.ZodObject;
      };
      return [app, environmentSchema] as const;
    }),
  );
  return Object.fromEntries(schemas) as Record<App, z.ZodObject>;
}
