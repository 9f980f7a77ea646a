import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeadlineHeap } from '../../src/core/deadline-heap.ts';

test('has the least deadline first, whatever was pushed, popped and postponed', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 100 }) }),
      fc.record({ postponeMs: fc.nat(50) }),
      fc.constant('pop' as const),
    ),
  );
  fc.assert(
    fc.property(steps, (list) => {
      const heap = new DeadlineHeap<{ deadline: number }>();
      let model: { deadline: number }[] = [];
      for (const step of list) {
        const first = heap.firstItem;
        if (step === 'pop') {
          heap.pop();
          model = model.filter((item) => item !== first);
        } else if ('push' in step) {
          const item = { deadline: step.push };
          heap.push(item.deadline, item);
          model.push(item);
        } else if (first) {
          first.deadline += step.postponeMs;
          heap.postpone(first.deadline);
        }
        expect(heap.first).toBe(Math.min(Infinity, ...model.map(({ deadline }) => deadline)));
        expect(heap.firstItem?.deadline ?? Infinity).toBe(heap.first);
      }
    }),
  );
});
