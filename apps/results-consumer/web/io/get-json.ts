/** An answer that is no success, or none at all (status 0); the message says what to do. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Asks the API. @throws RequestError */
export async function getJson<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  let response: Response;
  try {
    response = await fetch(path, { cache: 'no-store', ...(signal && { signal }) });
  } catch (error) {
    throw signal?.aborted ? error : new RequestError(0, 'the server does not answer');
  }
  const body = (await response.json().catch(() => ({}))) as Body & { detail?: unknown };
  if (response.ok) return body;
  const { detail } = body;
  throw new RequestError(
    response.status,
    typeof detail === 'string' ? detail : `the server answers with ${response.status}`,
  );
}
