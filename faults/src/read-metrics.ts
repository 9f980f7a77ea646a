/** The samples of a metric that an app shows on its `/metrics`, by their labels. */
export async function readMetrics(port: number, name: string): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const lines = (await response.text()).split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, metric, labels = '', value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
      return metric === name ? [[labels, Number(value)] as const] : [];
    }),
  );
}
