import { defaultClientConditions, defineConfig } from 'vite';

/** The page, built into the folder that `serve` serves; nothing in it is inline, which its policy forbids. */
export default defineConfig({
  root: 'web',
  resolve: { conditions: ['@clickstream/source', ...defaultClientConditions] },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // On a slow machine it would tell among the first lines of `pnpm dev` what took how long.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
});
