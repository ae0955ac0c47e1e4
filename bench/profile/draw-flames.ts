import { OWNERS, type Owner } from './owner-of.js';
import type { Frame } from './read-profile.js';

const WIDTH = 1_200;
const ROW = 16;
const HEAD = 64;
const MARGIN = 8;
/** Pixels: what is narrower is left out, and with it what it calls. */
const NARROWEST = 1;
/** Pixels a letter takes, at the size that is used. */
const LETTER = 6;

const COLOURS: Readonly<Record<Owner, string>> = {
  'mcp-tls': '#54aeff',
  undici: '#4ac26b',
  'the SDK and zod': '#d4a72c',
  'Node.js: web streams': '#ff8182',
  'Node.js: TLS, net, streams': '#fb8f44',
  'Node.js: the rest': '#ffd8b5',
  'garbage collection': '#c297ff',
  'native code and the kernel': '#afb8c1',
  'other packages': '#ff80c8',
  'the bench': '#eaeef2',
};

/** Draws where the time went: a bar for each function over its caller, as wide as its share, as SVG. */
export function drawFlames(title: string, root: Frame): string {
  const scale = (WIDTH - 2 * MARGIN) / root.totalUs;
  const bars: string[] = [];
  let rows = 0;
  const draw = (frame: Frame, x: number, row: number): void => {
    const width = frame.totalUs * scale;
    if (width < NARROWEST) return;
    rows = Math.max(rows, row + 1);
    bars.push(bar(frame, { x, row, width, share: frame.totalUs / root.totalUs }));
    let at = x + frame.selfUs * scale;
    for (const child of [...frame.children].sort((a, b) => b.totalUs - a.totalUs)) {
      draw(child, at, row + 1);
      at += child.totalUs * scale;
    }
  };
  draw(root, MARGIN, 0);
  const height = HEAD + rows * ROW + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${MARGIN}" y="20" font-size="14" font-weight="bold" fill="#24292f">${escaped(title)}</text>`,
    ...legend(),
    ...bars,
    '</svg>\n',
  ].join('\n');
}

function bar(
  { name, owner }: Frame,
  place: { readonly x: number; readonly row: number; readonly width: number; share: number },
): string {
  const { row, share, width, x } = place;
  const y = HEAD + row * ROW;
  const label = `${name} (${owner}), ${(share * 100).toFixed(1)} %`;
  const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${COLOURS[owner]}"/>`;
  const letters = Math.floor((width - 4) / LETTER);
  const text =
    letters < 3
      ? ''
      : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}" fill="#24292f">${escaped(name.slice(0, letters))}</text>`;
  return `<g><title>${escaped(label)}</title>${box}${text}</g>`;
}

function legend(): string[] {
  const columns = 5;
  const step = (WIDTH - 2 * MARGIN) / columns;
  return OWNERS.map((owner, i) => {
    const x = MARGIN + (i % columns) * step;
    const y = 30 + Math.floor(i / columns) * ROW;
    return `<rect x="${x}" y="${y}" width="11" height="11" fill="${COLOURS[owner]}"/><text x="${x + 16}" y="${y + 10}" fill="#24292f">${owner}</text>`;
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
