/** How parts of a line are set off on a terminal; elsewhere all leave the text as it is. */
export interface LineStyle {
  /** What a person looks for. */
  strong(text: string): string;
  /** Whom or what a line is about. */
  subject(text: string): string;
  /** What is not as it should be. */
  warning(text: string): string;
  /** What is only there in passing. */
  faint(text: string): string;
}
