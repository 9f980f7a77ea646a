import { createLogger } from '@clickstream/kafka-client';
import { expect, test, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import type { OpenViews } from '../../src/serve/open-views.ts';
import { runDashboard } from '../../src/serve/run-dashboard.ts';

const close = vi.hoisted(() => vi.fn(() => Promise.resolve()));
vi.mock(import('../../src/serve/open-views.ts'), async () => {
  const { ClickViews } = await import('../../src/core/views/click-views.ts');
  return {
    openViews: () =>
      Promise.resolve({ views: new ClickViews(1, 0), topics: {}, reader: { close } } as unknown as OpenViews),
  };
});
vi.mock(import('../../src/serve/dashboard-server.ts'), () => ({
  createDashboardServer: () => Promise.reject(new Error('no server')),
}));

test('lets go of Kafka when there is to be no server', async () => {
  const running = runDashboard({
    config: readConfig({}),
    log: createLogger('test', { LOG_LEVEL: 'silent' }, false),
    signal: new AbortController().signal,
    takesNextPort: false,
    onReady: () => undefined,
  });
  await expect(running).rejects.toThrow('no server');
  expect(close).toHaveBeenCalledOnce();
});
