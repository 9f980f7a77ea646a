/** The element of the page with this id. @throws Error if there is none of that type, which is a fault of the page. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} with id ${id}`);
}

/** A new element. Text is only ever text: nothing here reads markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** Sets a text if it is another: what does not change is not laid out, nor read out, again. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
