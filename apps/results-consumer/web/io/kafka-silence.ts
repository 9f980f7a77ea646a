/** Whether the server has nothing new to show, although it answers, because Kafka does not. */
export async function isKafkaSilent(): Promise<boolean> {
  try {
    const response = await fetch('/readyz', { cache: 'no-store' });
    const { code } = (await response.json()) as { code?: unknown };
    return code === 'silent';
  } catch {
    // What does not answer at all, the state of the connection tells.
    return false;
  }
}
