import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BridgeError } from '../rpc.js';
import type { Upstream } from '../upstream.js';
import type { Addresses } from './addresses.js';
import type { Admitted } from './admission.js';
import { EndpointEvents } from './endpoint-event.js';
import { answerHeaders, requestHeaders } from './headers.js';
import { rewriteChallenge, rewriteDocument, rewriteParameters } from './oauth.js';
import { keepToken } from './own-token.js';
import type { PathKind, Paths } from './paths.js';
import { isPlainPath } from './plain-path.js';
import { readBody } from './read-body.js';
import { readDocument } from './read-document.js';
import { Refused } from './refused.js';
import { writeBody } from './write-body.js';

/** One request on its way. */
export interface Forwarding {
  readonly upstream: Upstream;
  readonly paths: Paths;
  readonly addresses: Addresses;
  /** Of the bridge: it goes nowhere. */
  readonly token: string;
  readonly admitted: Admitted;
  readonly kind: PathKind;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Called with the body of the request, where it is short. */
  readonly onBody: (body: string) => void;
  /** How long a client may take for what was written to it. */
  readonly stallMs: number;
}

/**
 * Carries one request to the server, and its answer back. A redirect within the origin is followed, as the fetch
 * does; one that leaves it rejects. Where this rejects before `response.headersSent`, nothing of an answer was sent.
 */
export async function forward(forwarding: Forwarding): Promise<void> {
  const { upstream, request, response, kind, admitted, token } = forwarding;
  const headers = requestHeaders(request.rawHeaders, upstream.ownHeaders);
  keepToken(token, [admitted.path, admitted.query, ...headers.flat()]);
  const ending = new AbortController();
  response.once('close', () => ending.abort());
  const body = await readBody(request);
  if (Buffer.isBuffer(body)) forwarding.onBody(body.toString('utf8'));
  const sent = body !== undefined && kind === 'oauth' ? formFor(body, forwarding) : body;
  const answer = await upstream.fetch(targetOf(forwarding), {
    method: request.method ?? 'GET',
    headers,
    signal: ending.signal,
    ...(sent !== undefined && { body: sent, duplex: 'half' }),
  } as RequestInit);
  if (kind === 'metadata' && answer.ok) return writeDocument(answer, forwarding);
  // Anywhere in it: some clients are content with that.
  const isStream = /text\/event-stream/i.test(answer.headers.get('content-type') ?? '');
  const events = isStream && request.method === 'GET' ? endpointsOf(forwarding) : undefined;
  const answered = headersFor(answer, forwarding);
  if (events !== undefined && answered.some(([name]) => name === 'content-encoding')) {
    const message = `${upstream.url.host}: the stream has a content coding that is not known: refused`;
    throw new BridgeError('bad-answer', message, answer.status);
  }
  if (endsWithConnection(answer)) {
    // As it came: in chunks it would have an end of its own, wherever it was cut on the way.
    response.useChunkedEncodingByDefault = false;
    answered.push(['connection', 'close']);
  }
  response.writeHead(answer.status, answered.flat());
  response.flushHeaders();
  if (answer.body !== null) {
    await writeBody(answer.body, response, { stallMs: forwarding.stallMs, events });
  }
  response.end();
}

/** The query of the configured URL stands for every request to the endpoint itself, and is not seen here. */
function targetOf({ upstream, paths, admitted }: Forwarding): URL {
  const target = new URL(upstream.url.origin + admitted.path);
  const given = admitted.query.slice(1);
  const own = paths.isEndpoint(admitted.path) ? upstream.url.search.slice(1) : '';
  target.search = [own, given].filter((one) => one !== '').join('&');
  return target;
}

/** @throws {Refused} for one that cannot be read whole, or holds the token */
function formFor(
  body: Buffer | AsyncIterable<Uint8Array>,
  { request, addresses, token }: Forwarding,
): Buffer | string {
  const { 'content-type': type = '', 'content-encoding': coding = 'identity' } = request.headers;
  if (!Buffer.isBuffer(body)) throw new Refused(413, 'the form is too large');
  if (coding !== 'identity') throw new Refused(415, 'the form is packed');
  const text = body.toString('utf8');
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(type);
  const rewritten = isForm ? rewriteParameters(text, addresses) : text;
  keepToken(token, [rewritten]);
  return isForm ? rewritten : body;
}

/** Neither a length nor chunks say where it ends. */
function endsWithConnection({ headers, body }: Response): boolean {
  return body !== null && !headers.has('content-length') && !headers.has('transfer-encoding');
}

/** @throws {BridgeError} for a redirect to another origin */
function headersFor(answer: Response, forwarding: Forwarding): [string, string][] {
  const { addresses, paths } = forwarding;
  const headers: [string, string][] = [];
  for (const [name, value] of answerHeaders(answer.headers)) {
    if (name === 'www-authenticate') {
      headers.push([name, rewriteChallenge(value, addresses, paths)]);
    } else if (name === 'location') {
      const own = locationFor(value, answer, forwarding);
      if (own !== undefined) headers.push([name, own]);
    } else headers.push([name, value]);
  }
  return headers;
}

/** The bridge's address in the place of the server's. @returns `undefined` for one that the client must not see */
function locationFor(
  given: string,
  { status, url: from }: Response,
  { addresses, upstream }: Forwarding,
): string | undefined {
  const url = URL.canParse(given, from) ? new URL(given, from) : undefined;
  const own = url === undefined ? undefined : addresses.toBridge(url.href);
  if (own === undefined && status >= 300 && status < 400) {
    const { host } = upstream.url;
    const message = `${host}: the answer (${status}) leads to another origin: refused`;
    throw new BridgeError('bad-answer', message, status);
  }
  return own;
}

async function writeDocument(answer: Response, forwarding: Forwarding): Promise<void> {
  const { response, addresses, paths, upstream } = forwarding;
  const text = await readDocument(answer);
  const rewritten = text === undefined ? undefined : rewriteDocument(text, addresses, paths);
  if (rewritten === undefined) {
    const message = `${upstream.url.host}: what it has about its authorization is no JSON document`;
    throw new BridgeError('bad-answer', message, answer.status);
  }
  const headers = headersFor(answer, forwarding).filter(
    ([name]) => name !== 'etag' && name !== 'content-type',
  );
  response.writeHead(answer.status, [...headers, ['content-type', 'application/json']].flat());
  response.end(rewritten);
}

/** Where the stream says that messages go, they go over the bridge for as long as it is open. */
function endpointsOf({ upstream, addresses, paths, response }: Forwarding): EndpointEvents {
  const { url } = upstream;
  return new EndpointEvents(url.host, (given) => {
    const endpoint =
      given !== '' && URL.canParse(given, url.href) ? new URL(given, url) : undefined;
    if (endpoint?.origin !== url.origin || !isPlainPath(endpoint.pathname)) {
      const message = `${url.host}: the server wants its messages sent to another origin: refused`;
      throw new BridgeError('bad-answer', message);
    }
    const end = paths.openMessages(endpoint.pathname);
    if (response.destroyed) end();
    else response.once('close', end);
    return `${addresses.segment}${endpoint.pathname}${endpoint.search}`;
  });
}
