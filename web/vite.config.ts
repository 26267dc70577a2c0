import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// Two entries: the customer's page, and the dispatcher's console.
export default defineConfig({
  base: './',
  publicDir: false,
  resolve: {
    alias: { '@rtdts/client': fileURLToPath(new URL('./client/src/index.ts', import.meta.url)) },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1200, // the map, which is fetched when it is wanted
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { tracking: 'index.html', console: 'console.html' } },
  },
});
