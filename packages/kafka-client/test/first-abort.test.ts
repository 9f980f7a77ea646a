import { setFlagsFromString } from 'node:v8';
import { setTimeout as delay } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { firstAbort } from '../src/first-abort.ts';

test('aborts with the first of several, for its reason', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const signal = firstAbort(one.signal, other.signal);
  expect(signal.aborted).toBe(false);
  other.abort('other');
  one.abort('one');
  expect(signal.reason).toBe('other');
});

test('is aborted from the start where one of them is', () => {
  expect(firstAbort(new AbortController().signal, AbortSignal.abort('before')).reason).toBe('before');
});

test('knows of an abort although its source is garbage before anybody looks', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const signals = Array.from({ length: 20 }, () => {
    const source = new AbortController();
    const signal = firstAbort(source.signal, new AbortController().signal);
    source.abort();
    return signal;
  });
  await delay(1);
  collectGarbage();
  await delay(1);
  expect(signals.filter(({ aborted }) => !aborted)).toEqual([]);
});
