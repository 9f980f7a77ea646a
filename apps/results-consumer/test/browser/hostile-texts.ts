/** What somebody may send as user id or url to harm who looks at it; as many as a ranking has rows. */
export const HOSTILE_TEXTS: readonly string[] = [
  '<img src=x onerror="window.isHarmed=true">',
  '<script>window.isHarmed=true</script>',
  '"><svg onload=alert(1)>',
  '\u202egnp.exe',
  'javascript:alert(1)',
  '\u05d0\u05d1\u05d2 \u0627\u0644',
  'x'.repeat(256),
  '__proto__',
  // Marks that turn the direction of writing, isolate, and are not seen.
  '\u200f\u061c\u2067abc\u2069\u200b\ufeff123',
  // Letters that are nothing to see.
  '\u3164\u2800\u115f\u1160\uffa0',
];

/** What no user id and no url may be: it is rejected, and its beginning seen in a dead letter. */
export const HOSTILE_REJECTED_TEXTS: readonly string[] = [
  // Clears a terminal, names it anew, makes a link, rings; a NUL, a DEL and a C1 control.
  '\u001b[2J\u001b]0;owned\u0007\u001b]8;;https://evil.test\u001b\\link\u0000\u007f\u009b31m',
  // 10 KB.
  '<img src=x onerror="window.isHarmed=true">\r\n\u001b[31m\u202e'.repeat(200),
  '<script>window.isHarmed=true</script>',
];

const SHOWN_AS_CODE = /[\u061c\u115f\u1160\u2800\u3164\uffa0\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;

/** One of them as the page shows it. */
export function shownHostile(text: string): string {
  return Array.from(text)
    .map((character) => {
      const code = character.charCodeAt(0);
      if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return `\\x${code.toString(16).padStart(2, '0')}`;
      return SHOWN_AS_CODE.test(character) ? `\\u${code.toString(16).padStart(4, '0')}` : character;
    })
    .join('');
}
