import {
  custom,
  type Declaration,
  type Fields,
  type Kind,
  oneOf,
  readOptions,
  text,
} from '../options.js';
import { readRequestHeaders } from './own-headers.js';
import { LINK_FIELDS, type ReadLinkOptions } from './server-link.js';

/** Options that are the SDK's, and are handed to it as they are. */
export function sdksOwn<Value>(): Kind<Value> {
  return custom<Value>('an object', (value) => typeof value === 'object' && value !== null);
}

/** What the transports of both SDKs take. */
export const SDK_FIELDS: Fields<{
  requestInit: RequestInit;
  redirectPolicy: 'same-origin' | 'follow';
  sessionId: string;
}> = {
  requestInit: sdksOwn<RequestInit>(),
  redirectPolicy: oneOf('same-origin', 'follow'),
  sessionId: text(),
};

const BYPASS = 'it would bypass the trust policy: give trust, or a clientFactory';
const NO_SWITCH = 'verification is not switched off; trust says whom to trust';

/** What others would try. */
export const NOT_OPTIONS: Readonly<Record<string, string>> = {
  fetch: BYPASS,
  eventSourceInit: BYPASS,
  dispatcher: BYPASS,
  agent: BYPASS,
  rejectUnauthorized: NO_SWITCH,
  checkServerIdentity: NO_SWITCH,
  signal: 'it belongs to connect() and to each call',
};

/**
 * Reads a transport's options, and splits them into the SDK's and ours. `headers` in `requestInit` are ours: they
 * are for the server's own origin.
 */
export function readTransportOptions<Options extends object>(
  declaration: Declaration<Options>,
  options: Options,
): { sdk: Omit<Options, keyof ReadLinkOptions>; ours: ReadLinkOptions } {
  const read = Object.entries(readOptions(declaration, options));
  const isOurs = ([name]: [string, unknown]): boolean => Object.hasOwn(LINK_FIELDS, name);
  const sdk = Object.fromEntries(read.filter((one) => !isOurs(one)));
  const ours = Object.fromEntries(read.filter(isOurs)) as ReadLinkOptions;
  const { requestInit } = sdk as { requestInit?: RequestInit };
  const { headers, rest } = readRequestHeaders(requestInit);
  if (headers === undefined) return { sdk: sdk as Options, ours };
  return {
    sdk: { ...sdk, requestInit: rest } as unknown as Options,
    ours: { ...ours, requestHeaders: headers },
  };
}
