/** Unpacks the browser of the npm package into TMPDIR, where the package looks for it and nowhere else. A process of its own, for that. */
import { fileURLToPath } from 'node:url';
import sparticuz, { inflate } from '@sparticuz/chromium';

await sparticuz.executablePath();
// Libraries that a machine need not have. The package itself unpacks them in some clouds only.
await inflate(fileURLToPath(new URL('../bin/al2023.tar.br', import.meta.resolve('@sparticuz/chromium'))));
