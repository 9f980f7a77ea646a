import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEPLOYED_APPS, deploySteps } from '../scripts/deploy-steps.ts';
import { environmentSchemas } from './environment-schemas.ts';

const ROOT = join(import.meta.dirname, '..');
const FILE = join(ROOT, 'docker-compose.yml');

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: unknown;
  readonly restart?: string;
  readonly init?: boolean;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
}
const source = readFileSync(FILE, 'utf8');
const { services } = parse(source, { merge: true }) as { services: Record<string, Service> };

/** dclint validates against the schema of the Compose Specification, and against habits that have hurt people. */
function lint(file: string) {
  return execa(
    'dclint',
    [file, '--max-warnings', '0', '--disable-rule', 'services-alphabetical-order', 'service-keys-order'],
    { preferLocal: true, localDir: import.meta.dirname, reject: false, all: true },
  );
}

describe('docker-compose.yml', () => {
  it('is valid by the Compose Specification', async () => {
    const { exitCode, all } = await lint(FILE);
    expect({ exitCode, all }).toMatchObject({ exitCode: 0 });
  });

  it('is checked in earnest: an unknown key, an unknown condition and a port for everybody are refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clickstream-compose-'));
    try {
      const file = join(folder, 'docker-compose.yml');
      for (const [right, wrong] of [
        ['stop_grace_period', 'stop_grace'],
        ['service_healthy', 'service_alive'],
        ['127.0.0.1:9092:9092', '9092:9092'],
      ] as const) {
        expect(source).toContain(right);
        writeFileSync(file, source.replace(right, wrong));
        expect((await lint(file)).exitCode, wrong).toBe(1);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('consists of the broker and the three apps', () => {
    expect(Object.keys(services).sort()).toEqual(['kafka', ...DEPLOYED_APPS].sort());
  });

  it.each(DEPLOYED_APPS)('builds %s from its Dockerfile and starts it once the broker is healthy', (app) => {
    const service = services[app];
    expect(service).toMatchObject({
      build: { context: '.', dockerfile: `apps/${app}/Dockerfile` },
      depends_on: { kafka: { condition: 'service_healthy' } },
      restart: 'unless-stopped',
      init: true,
    });
    expect(existsSync(join(ROOT, service?.build?.dockerfile ?? ''))).toBe(true);
    // The image's own command, and for the dashboard what deploy:check adds to it.
    const [node, main] = deploySteps(app).start;
    expect(service?.command).toEqual(
      app === 'results-consumer' ? [node, '--max-semi-space-size=4', main, 'serve', '--follow'] : undefined,
    );
    // runApp ends by force after 8 s, which must come before the engine's SIGKILL.
    expect(Number.parseInt(service?.stop_grace_period ?? '')).toBeGreaterThan(8);
  });

  it.each(DEPLOYED_APPS)('sets only variables that %s reads', async (app) => {
    const schema = (await environmentSchemas())[app];
    expect(Object.keys(schema.shape)).toEqual(
      expect.arrayContaining(Object.keys(services[app]?.environment ?? {})),
    );
  });

  it('runs the Kafka version that development runs', () => {
    const pom = readFileSync(join(ROOT, 'packages', 'local-kafka', 'kafka', 'pom.xml'), 'utf8');
    const version = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1];
    expect(services['kafka']?.image).toBe(`apache/kafka:${version ?? ''}`);
  });

  it('advertises one listener to the apps and one to this machine', () => {
    const { environment = {}, ports, healthcheck } = services['kafka'] ?? {};
    const advertised = listeners(environment['KAFKA_ADVERTISED_LISTENERS']);
    const bound = listeners(environment['KAFKA_LISTENERS']);
    for (const app of DEPLOYED_APPS)
      expect(services[app]?.environment?.['KAFKA_BROKERS'], app).toBe(advertised['INTERNAL']);
    expect(advertised['HOST']).toBe('localhost:9092');
    expect(ports).toEqual([`127.0.0.1:9092${bound['HOST'] ?? ''}`]);
    for (const [name, address] of Object.entries(advertised))
      expect(address.split(':')[1], name).toBe(bound[name]?.split(':')[1]);
    // What is healthy must be what the apps will talk to.
    expect(healthcheck?.test.at(-1)).toBe(`localhost${bound['INTERNAL'] ?? ''}`);
    expect(environment['KAFKA_CONTROLLER_QUORUM_VOTERS']).toBe(
      `${environment['KAFKA_NODE_ID'] ?? ''}@${bound['CONTROLLER'] ?? ''}`,
    );
    const protocols = environment['KAFKA_LISTENER_SECURITY_PROTOCOL_MAP']?.split(',') ?? [];
    expect(protocols.map((entry) => entry.split(':')[0]).sort()).toEqual(Object.keys(bound).sort());
  });

  it('asks the aggregator for its health where it tells of it', () => {
    const { environment = {}, healthcheck } = services['aggregator'] ?? {};
    expect(healthcheck?.test.at(-1)).toContain(`127.0.0.1:${environment['HEALTH_PORT'] ?? ''}/readyz`);
    expect(environment).toMatchObject({ LISTEN_HOST: '0.0.0.0' });
  });

  it('serves the dashboard to this machine, and asks it whether it is ready', () => {
    const { environment = {}, healthcheck, ports } = services['results-consumer'] ?? {};
    const port = environment['DASHBOARD_PORT'] ?? '';
    expect(environment).toMatchObject({ LISTEN_HOST: '0.0.0.0' });
    expect(ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(healthcheck?.test.at(-1)).toContain(`127.0.0.1:${port}/readyz`);
  });

  it('lets nobody create a topic by misspelling it', () => {
    expect(services['kafka']?.environment).toMatchObject({ KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false' });
  });
});

/** `NAME://host:port,…` as names to `host:port`. */
function listeners(list = ''): Record<string, string> {
  return Object.fromEntries(
    list.split(',').map((entry) => {
      const [name = '', address = ''] = entry.split('://');
      return [name, address];
    }),
  );
}
