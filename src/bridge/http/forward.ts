import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BridgeError } from '../rpc.js';
import type { Upstream } from '../upstream.js';
import type { Addresses } from './addresses.js';
import type { Admitted } from './admission.js';
import { EndpointEvent, EndpointRefused } from './endpoint-event.js';
import { answerHeaders, requestHeaders } from './headers.js';
import { rewriteChallenge, rewriteDocument, rewriteParameters } from './oauth.js';
import type { PathKind, Paths } from './paths.js';
import { readBody } from './read-body.js';
import { readDocument } from './read-document.js';
import { writeBody } from './write-body.js';

/** One request on its way. */
export interface Forwarding {
  readonly upstream: Upstream;
  readonly paths: Paths;
  readonly addresses: Addresses;
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
  const { upstream, request, response, kind } = forwarding;
  const ending = new AbortController();
  response.once('close', () => ending.abort());
  const body = await readBody(request);
  if (Buffer.isBuffer(body)) forwarding.onBody(body.toString('utf8'));
  const answer = await upstream.fetch(targetOf(forwarding), {
    method: request.method ?? 'GET',
    headers: requestHeaders(request.rawHeaders, upstream.ownHeaders),
    signal: ending.signal,
    ...(body !== undefined && { body: bodyFor(body, forwarding), duplex: 'half' }),
  } as RequestInit);
  if (kind === 'metadata' && answer.ok) return writeDocument(answer, forwarding);
  const isStream = /^text\/event-stream\b/i.test(answer.headers.get('content-type') ?? '');
  const first = isStream && request.method === 'GET' ? endpointOf(forwarding) : undefined;
  response.writeHead(answer.status, headersFor(answer, forwarding).flat());
  response.flushHeaders();
  if (answer.body !== null) {
    await writeBody(answer.body, response, { stallMs: forwarding.stallMs, first });
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

function bodyFor(
  body: Buffer | AsyncIterable<Uint8Array>,
  { kind, request, addresses }: Forwarding,
): Buffer | AsyncIterable<Uint8Array> | string {
  const type = request.headers['content-type'] ?? '';
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(type);
  if (kind !== 'oauth' || !isForm || !Buffer.isBuffer(body)) return body;
  return rewriteParameters(body.toString('utf8'), addresses);
}

function headersFor(answer: Response, { addresses, paths }: Forwarding): [string, string][] {
  return answerHeaders(answer.headers).map(([name, value]) =>
    name === 'www-authenticate' ? [name, rewriteChallenge(value, addresses, paths)] : [name, value],
  );
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
function endpointOf({ upstream, addresses, paths, response }: Forwarding): EndpointEvent {
  return new EndpointEvent((given) => {
    const { url } = upstream;
    const endpoint = URL.canParse(given, url.href) ? new URL(given, url) : undefined;
    if (endpoint === undefined || endpoint.origin !== url.origin) {
      throw new EndpointRefused('the stream wants messages sent to another origin');
    }
    const end = paths.openMessages(endpoint.pathname);
    if (response.destroyed) end();
    else response.once('close', end);
    return `${addresses.segment}${endpoint.pathname}${endpoint.search}`;
  });
}
