import { join, relative } from 'node:path';

/** The workspace that this package is part of. */
export const WORKSPACE_ROOT = join(import.meta.dirname, '..', '..', '..');
/** Where `start` and `dev` keep their Kafka unless told. */
export const DEFAULT_FOLDER = join(WORKSPACE_ROOT, '.kafka');
/** Where `start` and `dev` listen unless told. */
export const DEFAULT_PORT = 9092;

/** Which local Kafka a command is about. */
export interface LocalFolderOptions {
  readonly dataDir: string;
  readonly port: number;
}

/** A path as a person would type it here: relative where that is shorter. */
export function displayPath(path: string): string {
  const relativePath = relative(process.cwd(), path);
  return relativePath.startsWith('..') ? path : relativePath;
}
