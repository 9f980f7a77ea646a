import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort, listenerConfig, startBroker, type Broker } from '@clickstream/local-kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KafkaConnection } from '../src/connection.ts';
import { ensureTopics } from '../src/ensure-topics.ts';
import { createPartitionReader } from '../src/partition-reader.ts';
import { createRecordProducer } from '../src/record-producer.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';
import { testConnection } from './test-connection.ts';

const STORE_PASSWORD = 'store-password';
const { log } = testConnection('');

let folder: string;
let broker: Broker;
let tlsBrokers: string;
let saslBrokers: string;
/** Of the certificate that the broker shows, and of one that has nothing to do with it. */
let ca: string;
let otherCa: string;

function makeCertificate(name: string): { store: string; pem: string } {
  const store = join(folder, `${name}.p12`);
  const keytool = (...args: string[]) =>
    execFileSync('keytool', [...args, '-alias', 'broker', '-keystore', store, '-storepass', STORE_PASSWORD], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  keytool(
    ...['-genkeypair', '-keyalg', 'EC', '-storetype', 'PKCS12', '-validity', '2'],
    ...['-dname', `CN=${name}`, '-ext', 'SAN=ip:127.0.0.1'],
  );
  return { store, pem: keytool('-exportcert', '-rfc') };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-security-'));
  const [own, other] = [makeCertificate('own'), makeCertificate('other')];
  [ca, otherCa] = [own.pem, other.pem];
  const [port, tlsPort, saslPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
  [tlsBrokers, saslBrokers] = [`127.0.0.1:${tlsPort}`, `127.0.0.1:${saslPort}`];
  broker = await startBroker({
    port,
    config: {
      ...(await listenerConfig(port, [
        { name: 'TLS', protocol: 'SSL', port: tlsPort },
        { name: 'SASL', protocol: 'SASL_PLAINTEXT', port: saslPort },
      ])),
      'ssl.keystore.location': own.store,
      'ssl.keystore.password': STORE_PASSWORD,
      'ssl.keystore.type': 'PKCS12',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl.plain.sasl.jaas.config':
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_reader="right" user_owner="right";',
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:owner',
      'allow.everyone.if.no.acl.found': 'true',
    },
  });
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true });
});

const tls = (trusted?: string): KafkaConnection => ({
  brokers: [tlsBrokers],
  clientId: 'test',
  tls: trusted === undefined ? {} : { ca: trusted },
});
const sasl = (username: string, password: string): KafkaConnection => ({
  brokers: [saslBrokers],
  clientId: 'test',
  sasl: { mechanism: 'plain', username, password },
});

/** What a person sees, and after how many ms. */
async function refusalOf(connection: KafkaConnection, topic = 'any') {
  const startedAt = performance.now();
  try {
    await ensureTopics({ connection, log, topics: [{ name: topic, config: {} }], partitions: 1 });
  } catch (error) {
    return { error: error as Error, afterMs: performance.now() - startedAt };
  }
  return expect.unreachable('it could connect');
}

type Rule = [
  permission: 'ALLOW' | 'DENY',
  operation: 'ALL' | 'CREATE',
  type: 'TOPIC' | 'CLUSTER',
  name: string,
];

/** Adds rules for the user `reader`. */
async function addRules(...rules: Rule[]): Promise<void> {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = patched.kafkajs;
  const admin = quietClient(patched, broker.brokers).admin();
  await admin.connect();
  await admin.createAcls({
    acl: rules.map(([permission, operation, type, resourceName]) => ({
      principal: 'User:reader',
      host: '*',
      permissionType: AclPermissionTypes[permission],
      operation: AclOperationTypes[operation],
      resourceType: AclResourceTypes[type],
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
    })),
  });
  await admin.disconnect();
}

describe('a secured broker', () => {
  it.each(['TLS', 'SASL'])('is spoken to with %s, by every kind of client', async (kind) => {
    const connection = kind === 'TLS' ? tls(ca) : sasl('owner', 'right');
    const topic = `over-${kind}`;
    expect(
      await ensureTopics({ connection, log, topics: [{ name: topic, config: {} }], partitions: 1 }),
    ).toBe(1);
    const producer = await createRecordProducer([topic], { connection, log });
    const { offset } = await producer.send({ topic, key: null, value: Buffer.from('v') });
    await producer.close();
    const reader = await createPartitionReader({ connection, log });
    const batch = (await reader.read({ topic, partition: 0, from: offset, to: offset + 1n }).next()).value;
    const record = batch!.walk();
    expect(record.next()).toBe(true);
    expect(String(record.value())).toBe('v');
    await reader.close();
  });

  it.each<[string, () => KafkaConnection, RegExp]>([
    ['a wrong password', () => sasl('owner', 'wrong-secret'), /refused the log-in.*KAFKA_SASL_PASSWORD/],
    ['an unknown user', () => sasl('nobody', 'right'), /refused the log-in.*KAFKA_SASL_USERNAME/],
    [
      'a mechanism that it does not offer',
      () => ({
        ...sasl('owner', 'right'),
        sasl: { mechanism: 'scram-sha-256', username: 'o', password: 'p' },
      }),
      /refused the log-in.*KAFKA_SASL_MECHANISM/,
    ],
    [
      'a certificate of somebody else',
      () => tls(otherCa),
      /certificate .* is not trusted.*KAFKA_TLS_CA_FILE/,
    ],
    [
      'a certificate that no authority knows',
      () => tls(),
      /certificate .* is not trusted.*KAFKA_TLS_CA_FILE/,
    ],
    [
      'a log-in where none is asked for',
      () => ({ ...sasl('owner', 'right'), brokers: [broker.brokers] }),
      /refused the log-in.*this listener speaks SASL/,
    ],
  ])('is not waited for with %s', async (_, connection, text) => {
    const { error, afterMs } = await refusalOf(connection());
    expect(error).toMatchObject({ code: 'CLICKSTREAM_KAFKA_AUTHENTICATION' });
    expect(error.message).toMatch(text);
    expect(error.message).not.toMatch(/\n|wrong-secret/);
    expect(afterMs).toBeLessThan(5_000);
  });

  it('that forbids the creation of topics is told of in one line that says how', async () => {
    await addRules(
      ['ALLOW', 'ALL', 'TOPIC', '*'],
      ['DENY', 'CREATE', 'TOPIC', '*'],
      ['DENY', 'CREATE', 'CLUSTER', 'kafka-cluster'],
    );
    const { error, afterMs } = await refusalOf(sasl('reader', 'right'), 'forbidden');
    expect(error).toMatchObject({ code: 'CLICKSTREAM_KAFKA_AUTHORIZATION', topic: 'forbidden' });
    expect(error.message).toMatch(
      /^cannot create forbidden \(.*authorization.*\)[^\n]*kafka-topics [^\n]*--create --topic forbidden/i,
    );
    expect(afterMs).toBeLessThan(5_000);
    // What exists may be used.
    const topics = [{ name: await createTestTopic(broker.brokers, 'allowed'), config: {} }] as const;
    const connection = sasl('reader', 'right');
    expect(await ensureTopics({ connection, log, topics, partitions: 1 })).toBe(1);
  });

  it('that forbids a topic says so to readers and producers', async () => {
    const topic = await createTestTopic(broker.brokers, 'forbidden-topic');
    await addRules(['ALLOW', 'ALL', 'TOPIC', '*'], ['DENY', 'ALL', 'TOPIC', topic]);
    const options = { connection: sasl('reader', 'right'), log };
    const forbidden = {
      code: 'CLICKSTREAM_KAFKA_AUTHORIZATION',
      message: expect.stringMatching(`^[^\n]*${topic}[^\n]*$`) as unknown,
    };
    await expect(createRecordProducer([topic], options)).rejects.toMatchObject(forbidden);
    const reader = await createPartitionReader(options);
    await expect(reader.endOffsets(topic)).rejects.toMatchObject(forbidden);
    await reader.close();
  });
});

describe('a broker that cannot be reached', () => {
  it('is waited for 15 s, then the reason and the remedy are told', { timeout: 240_000 }, async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const plain = (brokers: string): KafkaConnection => ({ brokers: [brokers], clientId: 'test' });
    const cases: [string, KafkaConnection, RegExp][] = [
      [
        'nobody there',
        plain(`127.0.0.1:${await findFreePort()}`),
        /ECONNREFUSED.*local-kafka start.*KAFKA_BROKERS/,
      ],
      [
        'no answer',
        plain(`127.0.0.1:${(silent.address() as AddressInfo).port}`),
        /local-kafka start.*KAFKA_BROKERS/,
      ],
      ['an unknown host', plain('no-such-host.invalid:9092'), /no-such-host\.invalid.*KAFKA_BROKERS/],
      ['TLS to a plain port', { ...tls(ca), brokers: [broker.brokers] }, /KAFKA_TLS_ENABLED/],
      ['plain to a TLS port', plain(tlsBrokers), /KAFKA_TLS_ENABLED/],
      ['plain to a SASL port', plain(saslBrokers), /KAFKA_SASL/],
    ];
    const refusals = await Promise.all(cases.map(([, connection]) => refusalOf(connection)));
    for (const [index, { error, afterMs }] of refusals.entries()) {
      const [name, connection, text] = cases[index]!;
      expect.soft(error, name).toMatchObject({ code: 'CLICKSTREAM_KAFKA_UNREACHABLE' });
      expect.soft(error.message, name).toMatch(text);
      expect.soft(error.message, name).toMatch(/^cannot reach Kafka at [^\n]*$/);
      expect.soft(error.message, name).toContain(connection.brokers[0]);
      expect.soft(afterMs, name).toBeGreaterThan(10_000);
      expect.soft(afterMs, name).toBeLessThan(20_000);
    }
    silent.close();
  });

  it('at first is used once it is there', async () => {
    const port = await findFreePort();
    const connection = { brokers: [`127.0.0.1:${port}`], clientId: 'test' };
    const ensuring = ensureTopics({ connection, log, topics: [{ name: 'late', config: {} }], partitions: 2 });
    const late = await startBroker({ port });
    expect(await ensuring).toBe(2);
    await late.stop();
  });
});
