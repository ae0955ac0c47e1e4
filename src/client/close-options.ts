import { declareOptions, ms, readOptions } from '../options.js';

/** How something that is in use is closed. */
export interface CloseOptions {
  /**
   * Requests under way may end for so long, milliseconds; new ones are refused at once. Standing event
   * streams (asked for by GET) do not end of themselves and are not waited for. Default 0.
   */
  graceMs?: number | undefined;
}

const CLOSE = declareOptions<CloseOptions>('options', { graceMs: ms() });

/** The grace in milliseconds. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readClose(whose: string, options: CloseOptions = {}): number {
  return readOptions(CLOSE, options, `${whose}: options`).graceMs ?? 0;
}
