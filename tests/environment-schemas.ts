import { z } from 'zod';
import { DEPLOYED_APPS } from '../scripts/deploy-steps.ts';

type App = (typeof DEPLOYED_APPS)[number];

/** The zod schema of each app's environment, out of its `config.ts`: the one object schema that it exports. */
export async function environmentSchemas(): Promise<Record<App, z.ZodObject>> {
  const schemas = await Promise.all(
    DEPLOYED_APPS.map(async (app) => {
      const exported = (await import(`../apps/${app}/src/config.ts`)) as Record<string, unknown>;
      const [schema, ...others] = Object.values(exported).filter((value) => value instanceof z.ZodObject);
      if (schema === undefined || others.length > 0)
        throw new Error(`apps/${app}/src/config.ts should export one zod object`);
      return [app, schema] as const;
    }),
  );
  return Object.fromEntries(schemas) as Record<App, z.ZodObject>;
}
