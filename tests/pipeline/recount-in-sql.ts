import { DatabaseSync } from 'node:sqlite';

/** What an access log says of its windows and sessions. */
export interface LogRecount {
  /** `MINUTE PAGE` → `CLICKS clicks, USERS users`; the minute as its first millisecond since the epoch. */
  readonly pages: ReadonlyMap<string, string>;
  /** `START/USER` → what the session was. */
  readonly sessions: ReadonlyMap<string, string>;
}

const SESSION_GAP_S = 1_800;

/**
 * Counts a log's clicks per page and minute, and the sessions of its users, in SQL: windows by integer division, sessions
 * by the time since the click before. It shares nothing with the aggregator, which sees one click after another.
 *
 * @param lines of an access log in the combined format, all in UTC and in one year.
 */
export function recountInSql(lines: readonly string[]): LogRecount {
  const database = new DatabaseSync(':memory:');
  try {
    database.exec('CREATE TABLE log (user TEXT, time TEXT, url TEXT)');
    const insert = database.prepare('INSERT INTO log VALUES (?, ?, ?)');
    for (const line of lines) {
      const [user = '', , , time = ''] = line.split(' ', 4);
      // `"GET /page HTTP/1.1"`
      const url = line.split('"')[1]?.split(' ')[1] ?? '';
      insert.run(user, time, url);
    }
    // `[17/May/2015:10:05:03`
    database.exec(`
      CREATE VIEW click AS
      SELECT
        user,
        url,
        CASE WHEN instr(url, '?') > 0 THEN substr(url, 1, instr(url, '?') - 1) ELSE url END AS page,
        unixepoch(
          substr(time, 9, 4) || '-'
          || printf('%02d', (instr('JanFebMarAprMayJunJulAugSepOctNovDec', substr(time, 5, 3)) + 2) / 3)
          || '-' || substr(time, 2, 2) || ' ' || substr(time, 14)
        ) AS second
      FROM log
    `);
    const pages = database
      .prepare(
        `SELECT (second / 60 * 60000) || ' ' || page AS key, count(*) || ' clicks, ' || count(DISTINCT user) || ' users' AS found
         FROM click GROUP BY second / 60, page`,
      )
      .all();
    const sessions = database
      .prepare(
        `WITH
           gaps AS (
             SELECT *, second - lag(second) OVER (PARTITION BY user ORDER BY second) AS gap FROM click
           ),
           numbered AS (
             SELECT *, sum(gap IS NULL OR gap >= ${SESSION_GAP_S}) OVER (PARTITION BY user ORDER BY second) AS session
             FROM gaps
           ),
           bounded AS (
             SELECT
               *,
               first_value(url) OVER (PARTITION BY user, session ORDER BY second, url) AS entry,
               first_value(url) OVER (PARTITION BY user, session ORDER BY second DESC, url DESC) AS exit
             FROM numbered
           )
         SELECT
           (min(second) * 1000) || '/' || user AS key,
           'until ' || (max(second) * 1000) || ', ' || count(*) || ' clicks, ' || entry || ' to ' || exit AS found
         FROM bounded GROUP BY user, session`,
      )
      .all();
    return { pages: byKey(pages), sessions: byKey(sessions) };
  } finally {
    database.close();
  }
}

function byKey(rows: readonly Record<string, unknown>[]): Map<string, string> {
  return new Map(rows.map(({ key, found }) => [String(key), String(found)]));
}
