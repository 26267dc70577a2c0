/** Which rows of a long list are in the document, and where a key leads. */

export interface Window {
  readonly first: number;
  /** The row after the last. */
  readonly end: number;
}

/** Rows beyond each edge, so that scrolling shows no gap. */
const MARGIN = 6;

/** The rows to draw. All lengths in pixels. */
export function windowOf(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
): Window {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN);
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + MARGIN);
  return { first: Math.min(first, end), end };
}

/** The row that a key leads to; null for a key that leads nowhere. */
export function rowAfter(key: string, row: number, count: number, page: number): number | null {
  const steps: Record<string, number> = {
    ArrowDown: row + 1,
    ArrowUp: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: count - 1,
  };
  const wanted = Object.hasOwn(steps, key) ? steps[key] : undefined;
  if (wanted === undefined || count === 0) return null;
  return Math.min(count - 1, Math.max(0, wanted));
}

/** Where to scroll so that a row is seen whole; null when it is. In pixels. */
export function scrollTo(
  row: number,
  scrollTop: number,
  height: number,
  rowHeight: number,
): number | null {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + height ? top + rowHeight - height : null;
}
