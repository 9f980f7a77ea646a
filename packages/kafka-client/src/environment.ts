import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import type { z } from 'zod';
import { describeError, KafkaClientError } from './error.ts';

/** What a process was started with: names to values, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const isSecret = (name: string): boolean => /PASSWORD|TOKEN|SECRET/.test(name);

/**
 * Reads configuration out of the environment with an app's zod schema, whose keys are the names of the
 * variables. A variable that is set but empty counts as not set, as in compose files; blanks around a value are
 * dropped, except around that of a secret.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` that names every wrong variable at once, each
 * with the value received (never that of a secret) and the bound it misses.
 */
export function parseEnvironment<Schema extends z.ZodObject>(
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const given: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = environment[name];
    if (value !== undefined && value.trim() !== '') given[name] = isSecret(name) ? value : value.trim();
  }
  const parsed = schema.safeParse(given, {
    error: (issue) =>
      issue.code === 'invalid_value' ? `must be one of ${issue.values.join(', ')}` : undefined,
  });
  if (parsed.success) return parsed.data;

  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0] ?? '');
    const value = given[name];
    const received =
      value === undefined ? 'not set' : isSecret(name) ? 'a value kept secret' : JSON.stringify(value);
    return `${name}: ${message} (received: ${received})`;
  });
  throw new KafkaClientError(
    'CLICKSTREAM_KAFKA_CONFIGURATION',
    ['the configuration is not usable:', ...problems.map((problem) => `  ${problem}`)].join('\n'),
  );
}

/**
 * The environment, completed by the nearest `.env`: that of the working directory, or else that of the
 * workspace it lies in. A variable that is set, and not empty, beats the file.
 *
 * @param workingDirectory where to look first; its parents are searched up to the workspace's root, if it is in one.
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` when there is a `.env` that cannot be read.
 */
export function withDotEnv(environment: Environment, workingDirectory: string): Environment {
  const file = foldersToSearch(workingDirectory)
    .map((folder) => join(folder, '.env'))
    .find((path) => existsSync(path));
  if (file === undefined) return environment;
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== '');
  return { ...environment, ...parseEnv(readDotEnv(file)), ...Object.fromEntries(given) };
}

function readDotEnv(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new KafkaClientError(
      'CLICKSTREAM_KAFKA_CONFIGURATION',
      `cannot read ${file} (${describeError(error)}): make it a file that this user may read, or remove it`,
      { cause: error },
    );
  }
}

function foldersToSearch(workingDirectory: string): string[] {
  const folders: string[] = [];
  for (let folder = workingDirectory; ; folder = dirname(folder)) {
    folders.push(folder);
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folders;
    // Outside of a workspace, a file further up belongs to somebody else.
    if (folder === dirname(folder)) return [workingDirectory];
  }
}
