import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DEPLOYED_APPS } from '../scripts/deploy-steps.ts';
import { environmentSchemas } from './environment-schemas.ts';

const ROOT = join(import.meta.dirname, '..');
const schemas = await environmentSchemas();

describe('the environment', () => {
  it('reaches the apps through turbo, which passes on what is listed and nothing else', () => {
    const turbo = JSON.parse(readFileSync(join(ROOT, 'turbo.json'), 'utf8')) as {
      tasks: { dev: { passThroughEnv: string[] } };
    };
    const read = new Set(Object.values(schemas).flatMap(({ shape }) => Object.keys(shape)));
    expect(turbo.tasks.dev.passThroughEnv.toSorted()).toEqual([...read].sort());
  });

  it('is documented in .env.example (after a change: vitest run --update environment)', async () => {
    await expect(renderExample()).toMatchFileSnapshot(join(ROOT, '.env.example'));
  });
});

/** All variables of all apps with their meaning, readers and default, commented out. */
function renderExample(): string {
  const variables = new Map<string, { description: string; fallback: string; apps: string[] }>();
  for (const app of DEPLOYED_APPS) {
    const { properties = {} } = z.toJSONSchema(schemas[app], { io: 'input' });
    for (const [name, property] of Object.entries(properties)) {
      if (typeof property === 'boolean' || property.description === undefined)
        throw new Error(`${name} of ${app} has no description`);
      const { description, default: fallback = '' } = property;
      const known = variables.get(name) ?? { description, fallback: String(fallback), apps: [] };
      // One `.env` serves all apps, so that a variable must mean the same to each.
      expect({ description, fallback: String(fallback) }, `${name} of ${app}`).toEqual({
        description: known.description,
        fallback: known.fallback,
      });
      variables.set(name, { ...known, apps: [...known.apps, app] });
    }
  }
  return [
    '# Copy this file to .env and uncomment what is to differ from its default, which is shown.',
    '# Command-line flags beat the environment, the environment beats .env, .env beats the defaults.',
    '',
    ...[...variables].flatMap(([name, { description, fallback, apps }]) => [
      `# ${description}.`,
      ...(apps.length === DEPLOYED_APPS.length ? [] : [`# Read by: ${apps.join(', ')}.`]),
      `#${name}=${fallback}`,
      '',
    ]),
  ].join('\n');
}
