import getPort from 'get-port';
import { LOOPBACK } from './broker-config.ts';

/**
 * A free port below the range that systems hand out to outgoing connections (32768 up on Linux, 49152 up on macOS):
 * otherwise a client that reconnects while the broker is down may be given the broker's own port.
 */
export async function findFreePort(): Promise<number> {
  const candidates = Array.from({ length: 20 }, () => 15_000 + Math.floor(Math.random() * 15_000));
  return getPort({ port: candidates, host: LOOPBACK });
}
