import type { BatteryReport, BatteryResult } from '../battery/battery-report.js';
import { printable } from '../printable.js';

/** TAP version 14. A check that is pending or was not made is a skipped one. */
export function formatTap(report: BatteryReport): string {
  const lines = report.results.flatMap((result, index) => testPoint(result, index + 1));
  return ['TAP version 14', `1..${report.results.length}`, ...lines, ''].join('\n');
}

function testPoint(result: BatteryResult, number: number): string[] {
  const { expected, got, id, name, passed, pending } = result;
  const description = escaped(`${id}: ${name}`);
  if (passed === null)
    return [`ok ${number} - ${description} # SKIP ${escaped(`${got}: ${pending ?? ''}`)}`];
  if (passed) return [`ok ${number} - ${description}`];
  const diagnostics = {
    theme: result.theme,
    expected,
    got,
    applicationBytesLeaked: result.applicationBytesLeaked,
    error: result.error,
    shows: result.why,
    advice: result.advice,
    durationMs: result.durationMs,
  };
  return [
    `not ok ${number} - ${description}`,
    '  ---',
    // A JSON string is a YAML string, in one line and whatever it holds.
    ...Object.entries(diagnostics)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
    '  ...',
  ];
}

/** TAP 14: `#` begins a directive unless escaped, and a line is a test point. */
function escaped(text: string): string {
  return printable(text).replace(/[\\#]/g, (character) => `\\${character}`);
}
