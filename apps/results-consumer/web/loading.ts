import { element, setText } from './element.ts';

/** What stands where something is not complete yet. */
export const READING = 'Reading what was counted before…';

/** What stands where nothing has come yet: no figures are something else than no clicks. */
export function loadingText(): HTMLElement {
  const text = element('p', 'empty', 'Loading…');
  text.dataset['loading'] = '';
  return text;
}

/** The figures are there, and this is what they say. */
export function setLoaded(place: HTMLElement, text: string): void {
  delete place.dataset['loading'];
  setText(place, text);
}

/** Says the same wherever nothing has come yet. */
export function showLoading(text: string): void {
  for (const place of document.querySelectorAll('[data-loading]')) setText(place, text);
}
