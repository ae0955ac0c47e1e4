import { BATTERY_THEMES } from '../battery/battery-check.js';
import type { BatteryReport, BatteryResult } from '../battery/battery-report.js';
import { describeGot } from './format-text.js';

/** JUnit XML, as continuous integration servers read it: a suite for each theme. */
export function formatJunit(report: BatteryReport): string {
  const suites = BATTERY_THEMES.flatMap((theme) => {
    const results = report.results.filter((result) => result.theme === theme);
    return results.length === 0 ? [] : [suite(theme, results)];
  });
  const seconds = (report.durationMs / 1000).toFixed(3);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="pinning battery" ${counts(report.results)} time="${seconds}">`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function suite(theme: string, results: readonly BatteryResult[]): string {
  const name = attribute(`pinning battery: ${theme}`);
  return [
    `  <testsuite name="${name}" ${counts(results)} time="${seconds(results)}">`,
    ...results.map((result) => testCase(theme, result)),
    '  </testsuite>',
  ].join('\n');
}

function testCase(theme: string, result: BatteryResult): string {
  const { advice, durationMs, expected, got, id, name, passed, pending, why: shows } = result;
  const time = (durationMs / 1000).toFixed(3);
  const open = `    <testcase classname="${attribute(`pinning battery.${theme}`)}" name="${attribute(`${id}: ${name}`)}" time="${time}"`;
  if (passed === true) return `${open}/>`;
  if (passed === null) {
    return `${open}>\n      <skipped message="${attribute(`${got}: ${pending ?? ''}`)}"/>\n    </testcase>`;
  }
  const message = attribute(`expected ${expected}, got ${describeGot(got, result)}`);
  const body = text(`${shows}\n${advice}`);
  return `${open}>\n      <failure type="${got}" message="${message}">${body}</failure>\n    </testcase>`;
}

function counts(results: readonly BatteryResult[]): string {
  const failures = results.filter(({ passed }) => passed === false).length;
  const skipped = results.filter(({ passed }) => passed === null).length;
  return `tests="${results.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
}

function seconds(results: readonly BatteryResult[]): string {
  return (results.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000).toFixed(3);
}

function text(value: string): string {
  // XML 1.0 §2.2: most control characters, lone surrogates, U+FFFE and U+FFFF cannot occur in a
  // document, not even escaped. An error message may hold any of them.
  return (
    value
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it removes
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
  );
}

/** A parser would turn line breaks and tabs of an attribute into blanks. */
function attribute(value: string): string {
  return text(value)
    .replace(/"/g, '&quot;')
    .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
