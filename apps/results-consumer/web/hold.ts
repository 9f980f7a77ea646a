/** Why a list holds still: somebody is about to choose something in it. */
export type Hold = 'pointed-at' | 'focused';

/** Whether a list has to hold still, so that nothing moves away under a pointer or a finger, nor takes the focus with it. */
export function holdOf(list: Element): Hold | undefined {
  if (list.contains(document.activeElement)) return 'focused';
  // Where nothing hovers, what was touched last is taken for hovered until something else is touched.
  return matchMedia('(hover: hover)').matches && list.matches(':hover') ? 'pointed-at' : undefined;
}

/** Calls back when it may have begun or ended. */
export function onHoldChange(list: Element, changed: () => void): void {
  // Not before the focus has arrived where it goes.
  const soon = () => {
    setTimeout(changed);
  };
  for (const type of ['mouseenter', 'mouseleave', 'focusin', 'focusout']) list.addEventListener(type, soon);
}

/** What is said of it. */
export function holdText(hold: Hold): string {
  return hold === 'focused' ? 'held while you choose' : 'held while you point';
}
