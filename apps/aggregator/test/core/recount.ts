import type { ClickEvent } from '@clickstream/schema';

/** What stands for one page in one window, or one session, in the plainest form. */
export type Recount = Map<string, string>;

/** Clicks and distinct users per window and page, counted one window after another. */
export function recountWindows(clicks: readonly ClickEvent[], sizeMs: number, advanceMs: number): Recount {
  const found = new Map<string, { clicks: number; users: Set<string> }>();
  for (const { timestamp, url, userId } of clicks)
    for (let start = -sizeMs; start <= timestamp; start += advanceMs) {
      if (timestamp >= start + sizeMs) continue;
      const key = `${start} ${url}`;
      const entry = found.get(key) ?? { clicks: 0, users: new Set() };
      entry.clicks++;
      entry.users.add(userId);
      found.set(key, entry);
    }
  return new Map(
    [...found].map(([key, { clicks, users }]) => [key, `${clicks} clicks, ${users.size} users`]),
  );
}

/** Sessions of clicks less than the gap apart, found in the order of event time. */
export function recountSessions(clicks: readonly ClickEvent[], gapMs: number): Recount {
  const found: Recount = new Map();
  for (const userId of new Set(clicks.map((click) => click.userId))) {
    const sorted = clicks
      .filter((click) => click.userId === userId)
      .sort((a, b) => a.timestamp - b.timestamp || (a.url < b.url ? -1 : 1));
    let session: ClickEvent[] = [];
    for (const [index, click] of sorted.entries()) {
      session.push(click);
      const next = sorted[index + 1];
      if (next && next.timestamp - click.timestamp < gapMs) continue;
      const [entry, exit] = [session[0]!, session.at(-1)!];
      found.set(
        `${entry.timestamp}/${userId}`,
        `until ${exit.timestamp}, ${session.length} clicks, ${entry.url} to ${exit.url}`,
      );
      session = [];
    }
  }
  return found;
}
