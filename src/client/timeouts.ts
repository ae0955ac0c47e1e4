import { assertKnownKeys, assertMs } from '../assert.js';

/**
 * Limits in milliseconds; `0` for none. A bare number sets `connect` and `headers`, and leaves
 * answers that stream unlimited.
 */
export type TimeoutInput = number | TimeoutOptions;

export interface TimeoutOptions {
  /** Until a new connection is made and verified (TCP and TLS). Default 10,000. */
  readonly connect?: number | undefined;
  /** From sending a request until the headers of its answer. Default 0: a tool may take minutes. */
  readonly headers?: number | undefined;
  /** For the whole body of an answer. Default 0: an event stream never ends. */
  readonly body?: number | undefined;
  /** Between two pieces of a body. Default 0: an event stream may be silent for hours. */
  readonly idle?: number | undefined;
}

/** Timeouts after {@link readTimeouts}: complete. */
export interface Timeouts {
  readonly connect: number;
  readonly headers: number;
  readonly body: number;
  readonly idle: number;
}

/** What holds where nothing is said. */
export const DEFAULT_TIMEOUTS: Timeouts = Object.freeze({
  connect: 10_000,
  headers: 0,
  body: 0,
  idle: 0,
});

/** Validates `input` over `defaults`. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readTimeouts(input: TimeoutInput | undefined, defaults: Timeouts): Timeouts {
  if (input === undefined) return defaults;
  if (typeof input === 'number') {
    assertMs('timeout', input);
    return Object.freeze({ ...defaults, connect: input, headers: input });
  }
  const limits = Object.keys(DEFAULT_TIMEOUTS) as (keyof Timeouts)[];
  assertKnownKeys('timeout', input, limits);
  const read = { ...defaults };
  for (const limit of limits) {
    const value = input[limit];
    if (value === undefined) continue;
    assertMs(`timeout.${limit}`, value);
    read[limit] = value;
  }
  return Object.freeze(read);
}
