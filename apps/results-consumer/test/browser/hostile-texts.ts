/** What somebody may send as user id or url to harm who looks at it. */
export const HOSTILE_TEXTS: readonly string[] = [
  '<img src=x onerror="window.isHarmed=true">',
  '<script>window.isHarmed=true</script>',
  '"><svg onload=alert(1)>',
  '\u202egnp.exe',
  'javascript:alert(1)',
  '\u05d0\u05d1\u05d2 \u0627\u0644',
  'x'.repeat(256),
  '__proto__',
];

/** One of them as the page shows it. */
export function shownHostile(text: string): string {
  return text.replace('\u202e', '\\u202e');
}
