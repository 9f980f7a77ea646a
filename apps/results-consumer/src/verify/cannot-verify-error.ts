/** Something without which there is nothing to check against; its text is one line for a person. */
export class CannotVerifyError extends Error {
  override readonly name = 'CannotVerifyError';
}
