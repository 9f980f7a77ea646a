import { byId, setText } from '../element.ts';
import type { ConnectionState } from '../state/connection-state.ts';
import { clockText, timeZoneText } from '../text/clock-text.ts';

/** Shows how fresh the figures are. It is read out when it changes, so it never ticks. */
export function createConnectionLine(): (state: ConnectionState) => void {
  const text = byId('connection', HTMLElement).lastElementChild;
  setText(byId('time-zone', HTMLElement), timeZoneText());
  return (state) => {
    document.body.dataset['connection'] = state.kind;
    if (text) setText(text, textOf(state));
  };
}

function textOf(state: ConnectionState): string {
  switch (state.kind) {
    case 'connecting':
      return 'Connecting…';
    case 'live':
      return 'Live';
    case 'refused':
      return 'No figures, trying again…';
    case 'silent':
      return `${state.isPartial ? 'In part stale' : 'Stale'}${
        state.sinceMs === undefined ? '' : ` since ${clockText(state.sinceMs)}`
      }: Kafka is ${state.isPartial ? 'in part ' : ''}silent`;
    case 'reconnecting':
      return 'Reconnecting…';
    case 'stale':
      return `Stale since ${clockText(state.sinceMs)}, reconnecting…`;
  }
}
