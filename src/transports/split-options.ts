import { invalidArgument } from '../assert.js';
import type { ServerLinkOptions } from './server-link.js';

/** Splits a transport's options into the SDK's and ours, and refuses a fetch beside our own. */
export function splitOptions<Options extends ServerLinkOptions>(
  options: Options,
): { sdk: Omit<Options, keyof ServerLinkOptions>; ours: ServerLinkOptions } {
  const { clientFactory, trust, origins, headers, timeout, auth, ...sdk } = options;
  const { fetch, eventSourceInit } = sdk as { fetch?: unknown; eventSourceInit?: unknown };
  // The SDK would prefer this one for the SSE stream, and that stream would not be verified.
  const inner = (eventSourceInit as { fetch?: unknown } | undefined)?.fetch;
  if (fetch !== undefined || inner !== undefined) {
    invalidArgument('a fetch in the options would bypass the trust policy: inject a clientFactory');
  }
  return { sdk, ours: { clientFactory, trust, origins, headers, timeout, auth } };
}
