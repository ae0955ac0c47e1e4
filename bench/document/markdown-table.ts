import type { Results } from '../support/results.js';

/** Rows under their heads; figures stand at the right. */
export function markdownTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = line(heads.map((_head, column) => (column === 0 ? '---' : '---:')));
  return [line(heads), rule, ...rows.map(line)].join('\n');
}

/** The Node.js line of a run. */
export function lineOf({ node }: Results): number {
  return Number(node.split('.')[0]);
}
