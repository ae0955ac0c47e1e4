import { styleText } from 'node:util';

/** A table cell: text, and how it is coloured where the output has colours. */
export type Cell = string | { readonly text: string; readonly colour: 'green' | 'red' | 'yellow' };

/** Prints rows as aligned columns under their heads. */
export function printTable(heads: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => textOf(row[column] ?? '').length)),
  );
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  console.log(line(heads));
  console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  for (const row of rows) console.log(line(row));
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

function pad(cell: Cell, width: number): string {
  // Padded before it is coloured: colour codes have a length but no width.
  const text = textOf(cell).padEnd(width);
  if (typeof cell === 'string' || !process.stdout.isTTY) return text;
  return styleText(cell.colour, text);
}
