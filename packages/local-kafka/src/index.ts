export { LOCAL_KAFKA_ERROR_CODES, LocalKafkaError, type LocalKafkaErrorCode } from './local-kafka-error.ts';
export type { BrokerExit } from './broker-jvm.ts';
export { startBroker, type Broker, type StartBrokerOptions } from './start-broker.ts';
export { runTool, spawnTool, type RunningTool, type ToolOptions, type ToolResult } from './tools.ts';
