/** Checks the gzip size of everything that a page loads at start; it loads the map later. */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGETS = { 'index.html': 25_000, 'console.html': 40_000 };

const dist = new URL('./dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
const gzipSize = (file) => gzipSync(readFileSync(new URL(file, dist))).length;

/** The files that an entry loads at start: its static imports and their styles. */
function filesOf(name, seen = new Set()) {
  const chunk = manifest[name];
  if (!chunk || seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const style of chunk.css ?? []) seen.add(style);
  for (const imported of chunk.imports ?? []) filesOf(imported, seen);
  return seen;
}

for (const [page, budget] of Object.entries(BUDGETS)) {
  const sizes = [page, ...filesOf(page)].map((file) => [file, gzipSize(file)]);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  console.log(`${page}: ${total} of at most ${budget} bytes (gzip, without the map)`);
  if (total > budget) {
    for (const [file, size] of sizes) console.error(`  ${size} ${file}`);
    process.exitCode = 1;
  }
}
