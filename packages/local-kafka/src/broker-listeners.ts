import { findFreePort } from './find-free-port.ts';

/** A listener of a broker beside its plain one. */
export interface ExtraListener {
  /** Upper case letters and underscores. */
  readonly name: string;
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  readonly port: number;
  /** What clients are told to connect to, if not the port itself: that of a proxy. */
  readonly advertisedPort?: number;
}

/** Settings with which a broker listens on a plain `port` and on others; give the same port to `startBroker`. */
export async function listenerConfig(
  port: number,
  listeners: readonly ExtraListener[],
): Promise<Record<string, string>> {
  const controllerPort = await findFreePort();
  const plain: ExtraListener = { name: 'PLAINTEXT', protocol: 'PLAINTEXT', port };
  const all = [plain, ...listeners];
  return {
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: [...all, { name: 'CONTROLLER', port: controllerPort }]
      .map((listener) => `${listener.name}://127.0.0.1:${listener.port}`)
      .join(','),
    'advertised.listeners': all
      .map((listener) => `${listener.name}://127.0.0.1:${listener.advertisedPort ?? listener.port}`)
      .join(','),
    'listener.security.protocol.map': [...all, { name: 'CONTROLLER', protocol: 'PLAINTEXT' }]
      .map(({ name, protocol }) => `${name}:${protocol}`)
      .join(','),
  };
}
