import { describe, expect, test } from 'vitest';
import { Appearances, contentOf } from '../../src/verify/appearances.ts';

const HORIZON_MS = 1_000_000;
const CONTENT = contentOf('/a', 1);

/** What the last of these appearances of one id comes to; all stand where they are counted unless told otherwise. */
function lastOf(
  appearances: readonly { at: number; isForwarded?: boolean; content?: number }[],
  { end = 0, isHorizonKnown = true } = {},
) {
  const ids = new Appearances(isHorizonKnown ? HORIZON_MS : undefined);
  let last: { isRepeated: boolean; isUncertain: boolean } | undefined;
  for (const { at, isForwarded = false, content = CONTENT } of appearances) {
    const { isRepeated, isUncertain } = ids.take('u', 'id', content, at, isForwarded, end);
    last = { isRepeated, isUncertain };
  }
  return last;
}

describe('an id', () => {
  test.for([
    ['is new when it appears first', [{ at: 5 }], {}, [false, false]],
    ['is repeated within the horizon', [{ at: 5 }, { at: 5 + HORIZON_MS }], {}, [true, false]],
    ['is new again after it', [{ at: 5 }, { at: 5 + 1.5 * HORIZON_MS }], {}, [false, false]],
    ['is uncertain in the step after it', [{ at: 5 }, { at: 6 + HORIZON_MS }], {}, [false, true]],
    [
      'is remembered from its last appearance on',
      [0, 0.9, 1.8, 2.7].map((horizons) => ({ at: horizons * HORIZON_MS })),
      {},
      [true, false],
    ],
    [
      'is repeated through another partition, as long as it cannot have been forgotten',
      [{ at: 5 }, { at: 6, isForwarded: true }],
      { end: HORIZON_MS },
      [true, false],
    ],
    [
      'is uncertain through another partition, once it may have been forgotten before it arrived',
      [{ at: 5 }, { at: 6, isForwarded: true }],
      { end: 2 * HORIZON_MS },
      [true, true],
    ],
    [
      'is uncertain through another partition if it is another click',
      [{ at: 5 }, { at: 6, isForwarded: true, content: contentOf('/b', 1) }],
      {},
      [true, true],
    ],
    [
      'is uncertain where the horizon was changed',
      [{ at: 5 }, { at: 6 }],
      { isHorizonKnown: false },
      [true, true],
    ],
  ] as const)('%s', ([, appearances, options, [isRepeated, isUncertain]]) => {
    expect(lastOf(appearances, options)).toEqual({ isRepeated, isUncertain });
  });

  test.for<[what: string, happens: (ids: Appearances) => void, isUncertain: boolean]>([
    [
      'a record within the horizon',
      (ids) => {
        ids.reach(5 + HORIZON_MS);
      },
      false,
    ],
    [
      'a record beyond the horizon',
      (ids) => {
        ids.reach(6 + HORIZON_MS);
      },
      true,
    ],
    [
      'another id far beyond the horizon',
      (ids) => {
        ids.take('u', 'other', CONTENT, 5 * HORIZON_MS, false, 0);
      },
      true,
    ],
  ])(
    'that comes again with an earlier ingest time than %s is as certain as that lets it be',
    ([, happens, isUncertain]) => {
      const ids = new Appearances(HORIZON_MS);
      ids.take('u', 'id', CONTENT, 5, false, 0);
      happens(ids);
      expect(ids.take('u', 'id', CONTENT, 6, false, 0)).toMatchObject({ isRepeated: true, isUncertain });
    },
  );

  test('is told from a hundred thousand others, of other users too', () => {
    const ids = new Appearances(HORIZON_MS);
    let repeated = 0;
    for (const round of [0, 1])
      for (let number = 0; number < 100_000; number++)
        if (ids.take(`u${number % 2}`, `id-${number >> 1}`, CONTENT, round, false, 1).isRepeated) repeated++;
    expect(repeated).toBe(100_000);
  });
});
