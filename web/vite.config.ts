import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// Builds two pages: the customer's page and the dispatcher's console.
export default defineConfig({
  base: './',
  publicDir: false,
  resolve: {
    alias: { '@rtdts/client': fileURLToPath(new URL('./client/src/index.ts', import.meta.url)) },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1200, // kB; the map is larger than the default limit, and loaded on demand
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { tracking: 'index.html', console: 'console.html' } },
  },
});
