/** Of one connection, and not of the message (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/**
 * What a request does not take along to the server: what says where its client is, what belongs to other
 * programs of this machine (cookies), and what is made anew.
 */
const NOT_UP = new Set([
  ...HOP_BY_HOP,
  'accept-encoding',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'mcp-tls-token',
  'origin',
  'referer',
  'via',
  'x-real-ip',
]);

/**
 * What an answer does not bring along: what instructs browsers about the bridge's origin, which other
 * programs of this machine share.
 */
const NOT_DOWN = new Set([
  ...HOP_BY_HOP,
  'alt-svc',
  'clear-site-data',
  'content-length',
  'content-location',
  'link',
  'nel',
  'public-key-pins',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'sourcemap',
  'speculation-rules',
  'strict-transport-security',
  'x-sourcemap',
]);

/** Codings that the fetch has taken off. */
const DECODED = /^\s*(?:(?:gzip|x-gzip|deflate|br|zstd|identity)\s*,?\s*)+$/i;

/** The headers of a client's request for the server, in turn names and values. */
export function requestHeaders(
  rawHeaders: readonly string[],
  ownHeaders: ReadonlySet<string>,
): [string, string][] {
  const pairs = pairsOf(rawHeaders);
  const connection = pairs.filter(([name]) => name === 'connection').map(([, value]) => value);
  const named = namedIn(connection.join());
  return pairs.filter(
    ([name]) =>
      !NOT_UP.has(name) &&
      !named.has(name) &&
      !ownHeaders.has(name) &&
      !name.startsWith('sec-') &&
      !name.startsWith('x-forwarded-'),
  );
}

/** Those of the server's answer for the client. */
export function answerHeaders(headers: Headers): [string, string][] {
  const named = namedIn(headers.get('connection') ?? undefined);
  const pairs: [string, string][] = [];
  for (const [name, value] of headers) {
    if (NOT_DOWN.has(name) || named.has(name) || name.startsWith('access-control-')) continue;
    if (name === 'content-encoding' && DECODED.test(value)) continue;
    pairs.push([name, value]);
  }
  return pairs;
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    pairs.push([(raw[i] as string).toLowerCase(), raw[i + 1] as string]);
  }
  return pairs;
}

function namedIn(connection: string | undefined): ReadonlySet<string> {
  return new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
}
