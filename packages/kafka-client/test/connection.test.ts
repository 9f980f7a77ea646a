import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { kafkaConnection, kafkaEnvironment, type KafkaConnection } from '../src/connection.ts';
import { parseEnvironment } from '../src/environment.ts';

const connect = (environment: Record<string, string>): KafkaConnection =>
  kafkaConnection(parseEnvironment(z.object(kafkaEnvironment), environment), 'an-app');
const configuration = (text: RegExp) =>
  expect.objectContaining({
    code: 'CLICKSTREAM_KAFKA_CONFIGURATION',
    message: expect.stringMatching(text) as unknown,
  }) as Error;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'connection-'));
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, `${name}.pem`), `the ${name}`);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a connection', () => {
  it('is to the local broker, without security, by default', () => {
    expect(connect({})).toEqual({ brokers: ['localhost:9092'], clientId: 'an-app' });
  });

  it('is to all brokers named, under the name given', () => {
    expect(
      connect({ KAFKA_BROKERS: ' one:1 ,two.example:65535,[::1]:9092,', KAFKA_CLIENT_ID: 'my.client_1' }),
    ).toEqual({ brokers: ['one:1', 'two.example:65535', '[::1]:9092'], clientId: 'my.client_1' });
  });

  it.each([
    'host',
    'host:',
    ':9092',
    'host:0',
    'host:65536',
    'host:x',
    'http://host:9092',
    'a:1 b:2',
    '::1:9092',
    ',',
  ])('refuses the brokers %j', (KAFKA_BROKERS) => {
    expect(() => connect({ KAFKA_BROKERS })).toThrow(configuration(/KAFKA_BROKERS: must .*host:port/));
  });

  it('carries certificates and credentials', () => {
    const file = (name: string) => join(folder, `${name}.pem`);
    expect(connect({ KAFKA_TLS_ENABLED: 'true' })).toMatchObject({ tls: {} });
    expect(
      connect({
        KAFKA_TLS_ENABLED: 'true',
        KAFKA_TLS_CA_FILE: file('ca'),
        KAFKA_TLS_CERT_FILE: file('cert'),
        KAFKA_TLS_KEY_FILE: file('key'),
        KAFKA_SASL_MECHANISM: 'scram-sha-512',
        KAFKA_SASL_USERNAME: 'user',
        KAFKA_SASL_PASSWORD: 'password',
      }),
    ).toMatchObject({
      tls: { ca: 'the ca', cert: 'the cert', key: 'the key' },
      sasl: { mechanism: 'scram-sha-512', username: 'user', password: 'password' },
    });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'a certificate without TLS',
      { KAFKA_TLS_CA_FILE: '/ca.pem' },
      /KAFKA_TLS_CA_FILE is set but KAFKA_TLS_ENABLED is not true/,
    ],
    [
      'a file that is not there',
      { KAFKA_TLS_ENABLED: 'true', KAFKA_TLS_CA_FILE: '/no/such/ca.pem' },
      /KAFKA_TLS_CA_FILE: "\/no\/such\/ca.pem" cannot be read \(ENOENT/,
    ],
    [
      'a certificate without its key',
      { KAFKA_TLS_ENABLED: 'true', KAFKA_TLS_CERT_FILE: '/cert.pem' },
      /KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE must be set together/,
    ],
    [
      'a user without a mechanism',
      { KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' },
      /must be set together/,
    ],
    ['a mechanism without a user', { KAFKA_SASL_MECHANISM: 'plain' }, /must be set together/],
    [
      'an empty password',
      { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: '' },
      /must be set together/,
    ],
    [
      'an unknown mechanism',
      { KAFKA_SASL_MECHANISM: 'kerberos' },
      /KAFKA_SASL_MECHANISM: must be one of plain, scram-sha-256, scram-sha-512 .*"kerberos"/,
    ],
    [
      'a flag that is neither',
      { KAFKA_TLS_ENABLED: 'yes' },
      /KAFKA_TLS_ENABLED: must be one of true, false .*"yes"/,
    ],
  ])('refuses %s', (_, environment, text) => {
    expect(() => connect(environment)).toThrow(configuration(text));
  });

  it('has every contradiction reported at once, and never the password', () => {
    const environment = {
      KAFKA_TLS_CA_FILE: '/ca.pem',
      KAFKA_TLS_KEY_FILE: '/key.pem',
      KAFKA_SASL_PASSWORD: 'hunter2',
    };
    expect(() => connect(environment)).toThrow(
      configuration(/^the configuration is not usable:\n( {2}.*\n){3} {2}.*$/),
    );
    expect(() => connect(environment)).not.toThrow(/hunter2/);
  });
});
