/**
 * Draws the recording of a command that stands in docs/cli.md as a picture, for README.
 *
 *   tsx scripts/draw-recording.ts inspect docs/plots/inspect.svg
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const [CHAR, LINE, PADDING] = [7.25, 17, 16] as const;

const [command = 'inspect', target = 'docs/plots/inspect.svg'] = process.argv.slice(2);
writeFileSync(join(ROOT, target), draw(recordingOf(command)));

/** The first fence of text that begins with the command. */
function recordingOf(name: string): readonly string[] {
  const document = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');
  const fences = [...document.matchAll(/^```text\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
  const found = fences.find((text) => text.startsWith(`$ mcp-tls ${name} `));
  if (found === undefined) throw new Error(`docs/cli.md has no recording of ${name}`);
  return found.trimEnd().split('\n');
}

function draw(lines: readonly string[]): string {
  const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * CHAR + 2 * PADDING);
  const height = lines.length * LINE + 2 * PADDING;
  const rows = lines.map((line, i) => {
    const y = PADDING + (i + 0.75) * LINE;
    return `<text x="${PADDING}" y="${y}" fill="${colourOf(line)}" xml:space="preserve">${escaped(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="A terminal: ${escaped(lines[0] ?? '')}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">
<rect width="${width}" height="${height}" rx="8" fill="#161b22"/>
${rows.join('\n')}
</svg>
`;
}

/** As on a terminal: what is typed, what is wrong, what is said about it. */
function colourOf(line: string): string {
  if (line.startsWith('$ ')) return '#ffffff';
  if (/^NOT TRUSTED|^ {2}- /.test(line)) return '#ff7b72';
  if (/^TRUSTED/.test(line)) return '#7ee787';
  return '#c9d1d9';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
