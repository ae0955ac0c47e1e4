import { invalidArgument } from '../assert.js';
import { type Declaration, declareOptions, flag, oneOf, readOptions } from '../options.js';
import type { BatteryReport } from './battery/battery-report.js';
import { formatJunit } from './report-formats/format-junit.js';
import { formatMarkdown } from './report-formats/format-markdown.js';
import { formatTap } from './report-formats/format-tap.js';
import { formatText } from './report-formats/format-text.js';

const FORMATS = ['text', 'markdown', 'json', 'junit', 'tap'] as const;
/** `text` and `markdown` are for people, `json`, `junit` (XML) and `tap` (version 14) for machines. */
export type ReportFormat = (typeof FORMATS)[number];

/** Options of {@link formatReport}. */
export interface FormatReportOptions {
  /** Colours of a terminal, in `text` only. Default: false. */
  color?: boolean;
}

const FORMAT = oneOf(...FORMATS);

const FORMAT_OPTIONS: Declaration<FormatReportOptions> = declareOptions<FormatReportOptions>(
  'formatReport: options',
  { color: flag() },
);

/**
 * Writes a report of the pinning battery out, with a line break at the end.
 *
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * process.stdout.write(formatReport(report, 'text', { color: process.stdout.isTTY }));
 * await writeFile('pinning.xml', formatReport(report, 'junit'));
 */
export function formatReport(
  report: BatteryReport,
  format: ReportFormat = 'text',
  options: FormatReportOptions = {},
): string {
  if (!Array.isArray(report?.results)) invalidArgument('report must come from pinningBattery()');
  FORMAT.read(format, 'formatReport: format', []);
  const { color = false } = readOptions(FORMAT_OPTIONS, options);
  switch (format) {
    case 'text':
      return formatText(report, color);
    case 'markdown':
      return formatMarkdown(report);
    case 'json':
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case 'junit':
      return formatJunit(report);
    case 'tap':
      return formatTap(report);
  }
}
