/** An error that a broker answers; `type` is named as kafkajs names it. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly type: string;

  constructor(type: string, why = '') {
    super(why ? `${type}: ${why}` : type);
    this.type = type;
  }
}

/** No answer came: the request may have been applied, may still be, or may be lost. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** Whether an error is the broker's answer of this name. */
export function isModelError(error: unknown, type: string): boolean {
  return error instanceof ModelError && error.type === type;
}
