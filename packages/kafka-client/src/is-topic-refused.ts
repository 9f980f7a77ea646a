const REFUSALS = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
]);

/** Whether an error of kafkajs says that the broker does not have a topic, or not for us. */
export function isTopicRefused(error: unknown): boolean {
  return error instanceof Error && 'type' in error && REFUSALS.has(String(error.type));
}
