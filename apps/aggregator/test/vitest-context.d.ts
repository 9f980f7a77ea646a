// Types `inject('kafkaBrokers')`, which the global set-up provides.
import '@clickstream/local-kafka/vitest';
