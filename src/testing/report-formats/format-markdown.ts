import { BATTERY_THEMES } from '../battery/battery-check.js';
import type { BatteryReport, BatteryResult } from '../battery/battery-report.js';
import { printable } from '../printable.js';
import { describeGot, headline } from './format-text.js';

/** For documents: a table for each theme. */
export function formatMarkdown(report: BatteryReport): string {
  const { attacks, works } = report;
  const blocks = [
    `# ${headline(report)}`,
    [
      '| | passed | failed | pending | not made |',
      '|---|--:|--:|--:|--:|',
      `| attacks refused | ${attacks.passed} | ${attacks.failed} | ${attacks.pending} | ${attacks.notMade} |`,
      `| exchanges work | ${works.passed} | ${works.failed} | ${works.pending} | ${works.notMade} |`,
    ].join('\n'),
  ];
  for (const theme of BATTERY_THEMES) {
    const results = report.results.filter((result) => result.theme === theme);
    if (results.length === 0) continue;
    const head = ['| | check | expected | got |', '|---|---|---|---|'];
    blocks.push(`## ${theme}`, [...head, ...results.map(row)].join('\n'));
  }
  const failed = report.results.filter(({ passed }) => passed === false);
  if (failed.length > 0) {
    const advice = failed.map(
      ({ advice, id, name }) => `- **${id}**: ${cell(name)}. ${cell(advice)}`,
    );
    blocks.push('## What to do', advice.join('\n'));
  }
  return `${blocks.join('\n\n')}\n`;
}

function row(result: BatteryResult): string {
  const { expected, id, name, passed, pending } = result;
  const mark = passed === null ? result.got : passed ? 'ok' : '**failed**';
  const got = pending ?? describeGot(result.got, result);
  return `| ${mark} | \`${id}\` ${cell(name)} | ${expected} | ${cell(got)} |`;
}

/** Error messages are written by others: they must not end the cell or become markup. */
function cell(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>|]/g, (character) => `\\${character}`);
}
