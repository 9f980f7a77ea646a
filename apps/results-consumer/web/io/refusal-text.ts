/** What an answer that is no success says of itself, if it is a problem: a proxy answers with anything. */
export function refusalText(status: number, body: string): string {
  try {
    const problem = JSON.parse(body) as { readonly detail?: unknown } | null;
    if (typeof problem?.detail === 'string') return problem.detail;
  } catch {
    // No JSON.
  }
  return `the server answers with ${status}`;
}
