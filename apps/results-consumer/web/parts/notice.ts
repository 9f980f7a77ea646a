import { byId, setText } from '../element.ts';

/** Says why something is missing, or takes that back. */
export function createNotice(): (text: string | undefined) => void {
  const place = byId('notice', HTMLElement);
  return (text) => {
    place.hidden = text === undefined;
    setText(place, text ?? '');
  };
}
