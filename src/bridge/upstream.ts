import { invalidArgument } from '../assert.js';
import {
  type CustomClientFactoryOptions,
  makeCustomClientFactory,
} from '../client/make-custom-client-factory.js';
import type { TimeoutOptions } from '../client/timeouts.js';
import type { TrustInput } from '../trust/trust-policy.js';

/** The remote server that a bridge leads to. */
export interface UpstreamOptions {
  /** Its MCP endpoint. Must be `https:`. A query in it is sent with every request and never shown. */
  readonly url: string | URL;
  /** Whom to trust there; `null` for the default roots. */
  readonly trust: TrustInput;
  /** Sent to its origin with every request, over those of a client. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly proxy?: CustomClientFactoryOptions['proxy'];
  readonly timeout?: TimeoutOptions | undefined;
}

/** A `fetch` that reaches one origin, verified, and no other. */
export interface Upstream {
  readonly url: URL;
  /** Names of {@link UpstreamOptions.headers}, in lower case. */
  readonly ownHeaders: ReadonlySet<string>;
  fetch(url: string | URL, init: RequestInit): Promise<Response>;
  /** Ends every request and connection. */
  close(): Promise<void>;
}

/** Of one message, or of one event of a stream, in bytes. */
export const MAX_MESSAGE_BYTES: number = 64 * 1024 * 1024;

/** Reads the options, opens nothing. @throws {TlsConfigError} */
export function openUpstream(options: UpstreamOptions): Upstream {
  const url = readUrl(options.url);
  const { trust, headers = {}, proxy, timeout } = options;
  const factory = makeCustomClientFactory(trust, {
    // A closed list: what a server names elsewhere is nobody that was asked for.
    origins: {},
    maxBodyBytes: MAX_MESSAGE_BYTES,
    ...(proxy !== undefined && { proxy }),
    ...(timeout !== undefined && { timeout }),
  });
  const client = factory({ url, headers });
  return {
    url,
    ownHeaders: new Set(Object.keys(headers).map((name) => name.toLowerCase())),
    fetch: (target, init) => client(target, init),
    close: () => factory.close(),
  };
}

function readUrl(given: string | URL): URL {
  if (!URL.canParse(String(given))) invalidArgument('the URL of the server cannot be parsed');
  const url = new URL(given);
  if (url.protocol !== 'https:') {
    invalidArgument(
      'the URL of the server must be https:',
      'A bridge is for servers over TLS; give a server on plain http to the program itself.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    invalidArgument('the URL of the server includes credentials', 'Send them as a header.');
  }
  url.hash = '';
  return url;
}
