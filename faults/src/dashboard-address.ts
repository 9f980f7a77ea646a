import type { AppProcess } from '@clickstream/test-harness';

/** Where a dashboard is, such as `http://localhost:3000`, once it says so. */
export async function dashboardAddress(app: AppProcess): Promise<string> {
  return (await app.says(/dashboard at \S+/)).split(' ').at(-1) ?? '';
}
