export { LOCAL_KAFKA_ERROR_CODES, LocalKafkaError, type LocalKafkaErrorCode } from './local-kafka-error.ts';
export { listenerConfig, type ExtraListener } from './broker-listeners.ts';
export type { BrokerExit } from './broker-jvm.ts';
export { findFreePort } from './find-free-port.ts';
export {
  API_KEY,
  startKafkaProxy,
  type HeldRequest,
  type KafkaProxy,
  type ProxyAction,
  type ProxyFrame,
  type ProxyLine,
  type ProxyRule,
  type ProxyRules,
  type ProxyTally,
  type ProxyWay,
} from './kafka-proxy.ts';
export { findProcessesByEnvironment, type ProcessEntry } from './process-table.ts';
export { startCluster, type Cluster, type ProxiedBroker, type StartClusterOptions } from './start-cluster.ts';
export { startBroker, type Broker, type StartBrokerOptions } from './start-broker.ts';
export { runTool, spawnTool, type RunningTool, type ToolOptions, type ToolResult } from './tools.ts';
