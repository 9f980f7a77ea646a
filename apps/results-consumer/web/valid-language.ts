/**
 * Gives the browser a language that `Intl` knows: one that runs in the POSIX locale says `en-US@posix`, and uPlot, which asks for it
 * as it is loaded, would end the whole page. Import it before anything else.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US' });
}
