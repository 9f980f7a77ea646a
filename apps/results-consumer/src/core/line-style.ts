/** How parts of a line are set off on a terminal; elsewhere both leave the text as it is. */
export interface LineStyle {
  /** What a person looks for. */
  strong(text: string): string;
  /** What is only there in passing. */
  faint(text: string): string;
}
