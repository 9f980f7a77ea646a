import { STATUS_CODES } from 'node:http';

/** An answer that is no success, as RFC 9457 has it. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** What to do about it, or what exactly is wrong. */
  readonly detail: string;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** The body of an answer with this status. */
export function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}

/** Thrown by a handler to answer with a problem. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly statusCode: number;

  constructor(statusCode: number, detail: string) {
    super(detail);
    this.statusCode = statusCode;
  }
}
