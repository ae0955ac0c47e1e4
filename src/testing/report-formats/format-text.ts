import { BATTERY_THEMES } from '../battery/battery-check.js';
import type { BatteryReport, BatteryResult } from '../battery/battery-report.js';
import { printable } from '../printable.js';

const PAINT = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;
type Paint = (style: keyof typeof PAINT, text: string) => string;

/** For a terminal: one line a check, by theme, and what to do about each that failed. */
export function formatText(report: BatteryReport, color: boolean): string {
  const paint: Paint = (style, text) => (color ? `\u001b[${PAINT[style]}m${text}\u001b[0m` : text);
  const width = Math.max(0, ...report.results.map(({ id }) => id.length));
  const lines = [paint('bold', headline(report)), ...summary(report)];
  for (const theme of BATTERY_THEMES) {
    const results = report.results.filter((result) => result.theme === theme);
    if (results.length === 0) continue;
    lines.push('', paint('bold', theme));
    for (const result of results) lines.push(...checkLines(result, width, paint));
  }
  return `${lines.join('\n')}\n`;
}

export function headline({ durationMs, node, passed }: BatteryReport): string {
  const verdict = passed ? 'passed' : 'FAILED';
  return `Pinning battery ${verdict}, in ${(durationMs / 1000).toFixed(1)} s on Node.js ${node.slice(1)}`;
}

function summary({ attacks, works }: BatteryReport): string[] {
  return (
    [
      ['attacks refused', attacks],
      ['exchanges work', works],
    ] as const
  ).map(([what, { failed, notMade, passed, pending }]) => {
    const rest =
      (pending > 0 ? `, ${pending} pending` : '') + (notMade > 0 ? `, ${notMade} not made` : '');
    return `  ${what.padEnd(16)} ${passed} of ${passed + failed}${rest}`;
  });
}

function checkLines(result: BatteryResult, width: number, paint: Paint): string[] {
  const { advice, expected, got, id, name, passed, pending, why: shows } = result;
  const line = `${id.padEnd(width)}  ${name}`;
  if (passed === null) {
    return [
      `  ${paint('yellow', result.got.padEnd(8))} ${line}`,
      paint('dim', `${' '.repeat(11)}${printable(pending ?? '')}`),
    ];
  }
  if (passed) return [`  ${paint('green', 'ok     ')}  ${line}`];
  const about = (label: string, text: string): string =>
    `${' '.repeat(11)}${paint('dim', `${label}:`.padEnd(10))}${printable(text)}`;
  return [
    `  ${paint('red', 'FAILED ')}  ${line}`,
    about('expected', expected),
    about('got', describeGot(got, result)),
    about('matters', shows),
    about('advice', advice),
  ];
}

/** The outcome with what it cost and what the client said. */
export function describeGot(got: string, result: BatteryResult): string {
  const { applicationBytesLeaked: bytes, error } = result;
  const leak = bytes > 0 ? `, ${bytes} bytes leaked` : '';
  return `${got}${leak}${error === undefined ? '' : `: ${error}`}`;
}
