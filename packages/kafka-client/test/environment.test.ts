import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseEnvironment, withDotEnv } from '../src/environment.ts';
import { KafkaClientError } from '../src/error.ts';

const schema = z.object({
  RATE: z.coerce.number().int().min(1, 'must be at least 1').max(10).prefault(5),
  FORMAT: z.enum(['json', 'sentence']).prefault('json'),
  NAME: z.string().max(3, 'must have at most 3 letters').optional(),
  API_TOKEN: z.string().regex(/^t-/, 'must begin with t-').optional(),
  REQUIRED: z.string(),
});

function problemsOf(environment: Record<string, string>): string {
  try {
    parseEnvironment(schema, environment);
  } catch (error) {
    if (error instanceof KafkaClientError && error.code === 'CLICKSTREAM_KAFKA_CONFIGURATION')
      return error.message;
    throw error;
  }
  return expect.unreachable('it is usable');
}

describe('an environment', () => {
  it('is parsed, with defaults for what is not set', () => {
    expect(parseEnvironment(schema, { RATE: '7', REQUIRED: 'r', OTHER: 'ignored' })).toEqual({
      RATE: 7,
      FORMAT: 'json',
      REQUIRED: 'r',
    });
  });

  it('counts what is empty as not set', () => {
    expect(parseEnvironment(schema, { RATE: '', FORMAT: '  ', NAME: '', REQUIRED: ' r ' })).toEqual({
      RATE: 5,
      FORMAT: 'json',
      REQUIRED: 'r',
    });
    expect(problemsOf({ REQUIRED: '' })).toMatch(/REQUIRED: .* \(received: not set\)/);
  });

  it('has every problem reported at once, with the value and the bound', () => {
    const text = problemsOf({ RATE: '0', FORMAT: 'xml', NAME: 'too long' });
    expect(text.split('\n')).toEqual([
      'the configuration is not usable:',
      '  RATE: must be at least 1 (received: "0")',
      '  FORMAT: must be one of json, sentence (received: "xml")',
      '  NAME: must have at most 3 letters (received: "too long")',
      expect.stringMatching(/^ {2}REQUIRED: .* \(received: not set\)$/),
    ]);
  });

  it('has secrets left as they are, blanks included', () => {
    expect(parseEnvironment(schema, { API_TOKEN: 't- blank ', REQUIRED: 'r' }).API_TOKEN).toBe('t- blank ');
    expect(parseEnvironment(schema, { API_TOKEN: ' ', REQUIRED: 'r' }).API_TOKEN).toBeUndefined();
  });

  it('never has a secret shown', () => {
    const text = problemsOf({ API_TOKEN: 'hunter2', REQUIRED: 'r' });
    expect(text).toContain('API_TOKEN: must begin with t- (received: a value kept secret)');
    expect(text).not.toContain('hunter2');
  });
});

describe('a .env file', () => {
  let root: string;
  let workspace: string;
  let app: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'dot-env-'));
    workspace = join(root, 'workspace');
    app = join(workspace, 'apps', 'app');
    mkdirSync(app, { recursive: true });
    writeFileSync(join(workspace, 'pnpm-workspace.yaml'), '');
    writeFileSync(join(root, '.env'), 'OUTSIDE=1\n');
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it('completes the environment, which beats it unless it is empty', () => {
    writeFileSync(join(workspace, '.env'), 'A=file\nB=file\nC="in # quotes" # comment\nD=file\n');
    expect(withDotEnv({ A: 'environment', B: '', D: undefined }, app)).toEqual({
      A: 'environment',
      B: 'file',
      C: 'in # quotes',
      D: 'file',
    });
  });

  it('of the working directory beats that of the workspace', () => {
    writeFileSync(join(app, '.env'), 'A=app\n');
    expect(withDotEnv({}, app)).toEqual({ A: 'app' });
    rmSync(join(app, '.env'));
  });

  it('that cannot be read is named', () => {
    const file = join(app, '.env');
    mkdirSync(file);
    expect(() => withDotEnv({}, app)).toThrow(
      expect.objectContaining({
        code: 'CLICKSTREAM_KAFKA_CONFIGURATION',
        message: expect.stringMatching(/^cannot read .*\/app\/\.env \(EISDIR.*\): make it a file/) as string,
      }) as Error,
    );
    rmSync(file, { recursive: true });
  });

  it('outside of the workspace is none of ours', () => {
    rmSync(join(workspace, '.env'));
    expect(withDotEnv({ A: 'environment' }, app)).toEqual({ A: 'environment' });
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    expect(withDotEnv({ A: 'environment' }, elsewhere)).toEqual({ A: 'environment' });
  });
});
