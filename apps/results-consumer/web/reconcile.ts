/**
 * Makes these the children of a list, in this order. What is there already stays as it is, with its focus and a click that has begun
 * on it, unless others have to pass it: `replaceChildren` takes everything out first.
 */
export function reconcile(list: Element, items: readonly Element[]): void {
  const wanted = new Set(items);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  items.forEach((item, index) => {
    const there = list.children[index];
    if (there !== item) list.insertBefore(item, there ?? null);
  });
}
