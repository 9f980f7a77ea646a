import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The one package that may import kafkajs, see docs: everybody else gets the safe form of it. */
const onlyKafkaClientTalksToKafkajs = {
  group: ['kafkajs', 'kafkajs/*', '#kafkajs', '#kafkajs/*'],
  message: 'Only packages/kafka-client talks to kafkajs: use what @clickstream/kafka-client exports.',
};
const appsMeetInTopicsOnly = {
  group: ['@clickstream/producer', '@clickstream/aggregator', '@clickstream/results-consumer'],
  message: 'Apps never import apps: they meet in topics only.',
};
const developmentOnly = {
  group: [
    '@clickstream/local-kafka',
    '@clickstream/local-kafka/*',
    '@clickstream/test-harness',
    '@clickstream/faults',
  ],
  message: 'This is for development and tests: shipped code never imports it.',
};
/** A mistake in shared code would be made twice, and the recount would agree with it. */
const verifySharesNoCode = [
  {
    group: ['@clickstream/schema', '../*'],
    message: 'verify decodes for itself: it shares no code with what it checks.',
  },
  {
    group: ['@clickstream/kafka-client'],
    importNames: ['homePartition', 'murmur2'],
    message: 'verify places users for itself: it shares no code with what it checks.',
  },
];

/** Seam 2: the environment, argv, signals and the exit code belong to main.ts. */
const processBelongsToMain = [
  'error',
  ...['env', 'argv', 'exit', 'exitCode', 'on', 'once'].map((property) => ({
    object: 'process',
    property,
    message: 'Only main.ts reads the environment and argv, installs signal handlers and sets the exit code.',
  })),
];

const forgetsAborts = {
  object: 'AbortSignal',
  property: 'any',
  message: 'Node.js forgets aborts of collected signals (nodejs/node#65995): use firstAbort.',
};

/** Seam 1: core/ is synchronous and pure. Time, ids and random numbers come in as arguments. */
const impureGlobals = [
  'process',
  'console',
  'performance',
  'crypto',
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
].map((name) => ({ name, message: 'core/ is pure: no process, timers, clock, randomness or output.' }));

export default defineConfig(
  globalIgnores([
    '**/dist/',
    '**/node_modules/',
    '**/.turbo/',
    '**/test-results/',
    '**/.kafka/',
    '**/fixtures/',
    '**/target/',
  ]),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'no-restricted-imports': ['error', { patterns: [onlyKafkaClientTalksToKafkajs] }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['apps/*/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [onlyKafkaClientTalksToKafkajs, appsMeetInTopicsOnly, developmentOnly] },
      ],
    },
  },
  {
    files: ['apps/*/src/**/*.ts', 'packages/{schema,kafka-client}/src/**/*.ts'],
    ignores: ['apps/*/src/main.ts'],
    rules: { 'no-restricted-properties': [...processBelongsToMain, forgetsAborts] },
  },
  {
    files: ['apps/results-consumer/src/verify/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            onlyKafkaClientTalksToKafkajs,
            appsMeetInTopicsOnly,
            developmentOnly,
            ...verifySharesNoCode,
          ],
        },
      ],
    },
  },
  {
    files: ['packages/schema/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            onlyKafkaClientTalksToKafkajs,
            { group: ['@clickstream/*'], message: 'schema imports nothing of ours.' },
          ],
        },
      ],
    },
  },
  {
    files: ['packages/kafka-client/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@clickstream/*'], message: 'kafka-client is generic: it knows no click.' }] },
      ],
    },
  },
  {
    // What the simulation runs, and itself: the same seed, the same schedule.
    files: [
      'packages/kafka-client/src/{stream-task,restore-task,input-stream,idle-watch,task-processor,check-input,checkpoint,forwarding}.ts',
      'packages/kafka-client/testing/**/*.ts',
    ],
    ignores: ['packages/kafka-client/testing/{simulate,scheduler}.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'crypto'].map(
          (name) => ({ name, message: 'Time comes from the clock port, random numbers from the seed.' }),
        ),
      ],
      'no-restricted-properties': [
        ...processBelongsToMain,
        forgetsAborts,
        { object: 'Date', property: 'now', message: 'Time comes from the clock port.' },
        { object: 'Math', property: 'random', message: 'Random numbers come from the seed.' },
      ],
    },
  },
  {
    files: ['apps/*/src/core/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            onlyKafkaClientTalksToKafkajs,
            appsMeetInTopicsOnly,
            developmentOnly,
            {
              group: ['node:*', '@clickstream/kafka-client', 'pino', '../io/*', '../app.ts', '../config.ts'],
              message: 'core/ is pure: it imports core/ and schema only.',
            },
          ],
        },
      ],
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time comes in as an argument.' },
        { object: 'Math', property: 'random', message: 'Random numbers come in as arguments.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: ':function[async=true]', message: 'core/ is synchronous.' },
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'Time comes in as an argument.',
        },
      ],
    },
  },
  {
    files: ['**/test/**/*.ts', 'tests/**/*.ts', '**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  {
    files: [
      'packages/local-kafka/src/**/*.ts',
      'benchmarks/**/*.ts',
      'faults/src/main.ts',
      '**/scripts/**/*.ts',
    ],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['packages/kafka-client/**/*.ts'],
    ignores: ['packages/kafka-client/src/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    // What no client of ours does: abort a transaction on purpose.
    files: ['packages/test-harness/src/open-transaction.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  prettier,
);
