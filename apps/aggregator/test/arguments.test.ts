import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';

/** What the command line is read as, and what is said about it. */
async function read(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const parsed = parseArguments(args, stdout, stderr);
  stdout.end();
  stderr.end();
  return { parsed, stdout: await text(stdout), stderr: await text(stderr) };
}

describe('the command line', () => {
  test.each([
    [[], { acceptLoss: false, leave: false }],
    [['--accept-loss', '--leave'], { acceptLoss: true, leave: true }],
  ])('is read: %j', async (args, parsed) => {
    expect(await read(...args)).toEqual({ parsed, stdout: '', stderr: '' });
  });

  test.each([
    ['--accept-los', "error: unknown option '--accept-los' (Did you mean --accept-loss?)\n"],
    ['--x\u001b[31m', "error: unknown option '--x\\x1b[31m'\n"],
    ['me', expect.stringMatching(/^error: too many arguments.*\n$/) as string],
  ])('answers %j with one line and exit code 1', async (argument, stderr) => {
    expect(await read(argument)).toEqual({ parsed: { exitCode: 1 }, stdout: '', stderr });
  });

  test('explains itself', async () => {
    const { parsed, stdout, stderr } = await read('--help');
    expect({ parsed, stderr }).toEqual({ parsed: { exitCode: 0 }, stderr: '' });
    expect(stdout).toMatch(/^Usage: aggregator \[options\]/);
  });
});
