import { printable } from '@clickstream/schema/printable';
import { element, setText } from './element.ts';

/** An element for what somebody typed; whatever its direction of writing, it turns nothing around it. */
export function typedText(text: string, className = ''): HTMLElement {
  const made = element('bdi', `typed ${className}`.trim());
  setTypedText(made, text);
  return made;
}

/** Sets what somebody typed; the whole of it is in the tooltip when there is no room. */
export function setTypedText(target: HTMLElement, text: string): void {
  const shown = printable(text);
  setText(target, shown);
  if (target.title !== shown) target.title = shown;
}
