import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type * as tls from 'node:tls';
import { Agent, fetch, type Response } from 'undici';
import type {
  BatteryClient,
  BatteryPolicy,
  BatteryRequest,
  BatteryResponse,
  MakeBatteryClient,
} from '../../../src/testing/index.js';

import { DEFAULTS, makeConnector, readPolicy, type Trust } from './pinned-trust.js';

/**
 * A client over undici that does everything that the battery asks for, pins, client certificates
 * and revocation lists included, written without our own client. Each flaw takes one thing away:
 * so it is shown that a check fails for its own reason, and that none is empty.
 */
export type Flaw =
  // Which certificates are trusted
  | 'trusts-anything'
  | 'ignores-chain'
  | 'ignores-names'
  | 'names-as-node-does'
  | 'names-by-part'
  | 'ignores-server-name'
  | 'name-of-host-header'
  | 'knows-by-any-certificate'
  | 'knows-issuer-by-name'
  | 'forgives-openssl'
  | 'first-anchor-only'
  | 'anchors-sign-anything'
  | 'looks-at-32-certificates'
  | 'asks-openssl-of-own'
  | 'refuses-long-chains'
  | 'ignores-authority'
  | 'appends-default-roots'
  | 'security-level-0'
  | 'old-tls'
  | 'ignores-min-version'
  // Which connections are used
  | 'verifies-once'
  | 'resumes'
  | 'resumes-across-policies'
  | 'pool-across-policies'
  | 'policy-everywhere'
  | 'reads-environment'
  | 'falls-back-to-http'
  | 'allows-http'
  | 'follows-everywhere'
  | 'lax-configuration'
  | 'named-anywhere'
  | 'filters-text-of-host'
  | 'asks-for-no-gzip'
  | 'open-list'
  | 'ignores-list'
  | 'reads-all-of-others'
  // Pins and credentials
  | 'ignores-pins'
  | 'pins-any-certificate'
  | 'pins-only'
  | 'pins-without-validity'
  | 'pins-weak-keys'
  | 'forgives-any-expiry'
  | 'pins-key-for-fingerprint'
  | 'certificate-everywhere'
  | 'ignores-crl'
  | 'first-pin-only'
  | 'ignores-pin-identity'
  | 'no-client-certificate'
  | 'refuses-with-crl'
  // What must work
  | 'refuses-everything'
  | 'drops-bodies'
  | 'text-bodies'
  | 'buffers-bodies'
  | 'follows-nothing'
  | 'rejects-error-status'
  | 'never-closes'
  | 'handshake-each-time'
  | 'ignores-signal'
  | 'remembers-refusals'
  | 'impatient'
  | 'errors-with-everything'
  | 'always-post'
  | 'no-decoding'
  | 'one-policy-for-all'
  | 'never-reconnects';

export type Judge = (socket: tls.TLSSocket) => string | undefined;

/** State that a flawed maker shares among all its clients. */
export interface Shared {
  readonly sessions: Map<string, Buffer>;
  readonly pools: Map<string, Agent>;
  first: BatteryPolicy | undefined;
}

export function pinnedClient(...flaws: readonly Flaw[]): MakeBatteryClient {
  const has = (flaw: Flaw): boolean => flaws.includes(flaw);
  const shared: Shared = { sessions: new Map(), pools: new Map(), first: undefined };
  return (given) => {
    shared.first ??= given;
    const policy = has('one-policy-for-all') ? { ...shared.first, url: given.url } : given;
    return makeClient(policy, has, shared);
  };
}

function makeClient(
  policy: BatteryPolicy,
  has: (flaw: Flaw) => boolean,
  shared: Shared,
): BatteryClient {
  const trust = readPolicy(policy, has);
  const own = new URL(policy.url).origin;
  const elsewhere = has('policy-everywhere')
    ? trust
    : {
        ...DEFAULTS,
        ...(has('certificate-everywhere') && {
          anchors: trust.anchors,
          clientCertificate: trust.clientCertificate,
        }),
      };
  /** Whoever is trusted with more, goes there. */
  const goesAnywhere = ['named-anywhere', 'policy-everywhere', 'certificate-everywhere'].some(
    (flaw) => has(flaw as Flaw),
  );
  const list = has('ignores-list') ? undefined : policy.origins;
  const agents = new Map<string, Agent>();

  /** Of another origin than that of the policy: of its own, if it is listed. */
  function trustElsewhere(origin: string): Trust {
    const ca = list?.[origin];
    return ca === undefined || has('policy-everywhere')
      ? elsewhere
      : readPolicy({ url: origin, ca }, has);
  }

  async function assertMayReach(url: URL): Promise<void> {
    if (url.origin === own || url.protocol !== 'https:' || list?.[url.origin] !== undefined) return;
    if (list !== undefined && !has('open-list')) throw new Error('not in the list');
    if (goesAnywhere || has('follows-everywhere')) return;
    if (has('filters-text-of-host')) {
      if (url.hostname !== 'localhost' && !isIP(url.hostname.replace(/^\[|\]$/g, ''))) return;
    }
    const addresses = await lookup(url.hostname.replace(/^\[|\]$/g, ''), { all: true });
    if (addresses.some(({ address }) => isPrivate(address)))
      throw new Error('not a public address');
  }

  const named: { host?: string } = {};
  let refused = false;
  let requests = 0;

  function agentFor(origin: string): Agent {
    const pools = has('pool-across-policies') ? shared.pools : agents;
    const found = pools.get(origin);
    if (found) return found;
    const agent = new Agent({
      connect: makeConnector(origin === own ? trust : trustElsewhere(origin), has, shared, named),
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    pools.set(origin, agent);
    return agent;
  }

  async function send(url: URL, init: BatteryRequest): Promise<Response> {
    const key = has('handshake-each-time') ? `${url.origin}#${requests++}` : url.origin;
    const { body: given, headers, method, signal } = init;
    let body: string | ArrayBuffer | undefined = given;
    if (has('drops-bodies')) body = undefined;
    if (has('text-bodies') && body instanceof ArrayBuffer) body = Buffer.from(body).toString();
    return fetch(url, {
      method: has('always-post') ? 'POST' : (method ?? 'GET'),
      ...(headers && { headers }),
      ...(has('asks-for-no-gzip') && { headers: { ...headers, 'accept-encoding': 'identity' } }),
      ...(body !== undefined && { body }),
      ...(signal && !has('ignores-signal') && { signal }),
      ...(has('impatient') && { signal: AbortSignal.timeout(200) }),
      redirect: 'manual',
      ...(url.protocol === 'https:' && {
        dispatcher: has('handshake-each-time') ? connectOnce(key) : agentFor(url.origin),
      }),
    });
  }

  function connectOnce(key: string): Agent {
    const agent = new Agent({
      connect: makeConnector(trust, has, shared, named),
      pipelining: 0,
      headersTimeout: 0,
    });
    agents.set(key, agent);
    return agent;
  }

  async function client(input: string, init: BatteryRequest = {}): Promise<BatteryResponse> {
    if (has('refuses-everything')) throw new Error('refused');
    if (has('refuses-with-crl') && trust.crl) throw new Error('refused');
    if (init.headers?.['host'] && has('name-of-host-header')) named.host = init.headers['host'];
    if (refused && has('remembers-refusals')) throw new Error('refused before');
    if (has('never-reconnects') && requests++ > 0 && agents.size > 0) {
      const [agent] = agents.values();
      const open = Object.values(agent?.stats ?? {}).some(
        (stats) => (stats as { connected: number | boolean }).connected,
      );
      if (!open) throw new Error('not connected');
    }
    let url = new URL(input);
    let request = init;
    for (let hops = 0; hops < 5; hops++) {
      if (url.protocol !== 'https:' && !has('allows-http')) throw new Error('only https');
      await assertMayReach(url);
      let response: Response;
      try {
        response = await send(url, request);
      } catch (error) {
        refused = true;
        if (!has('falls-back-to-http')) throw failure(error, request);
        response = await fetch(`http:${url.href.slice(6)}`, request as object);
      }
      const location = response.headers.get('location');
      if (location === null || response.status < 300 || has('follows-nothing')) {
        return finish(response, url.origin !== own);
      }
      const target = new URL(location, url);
      if (target.origin !== url.origin && !has('follows-everywhere')) {
        throw new Error('a redirect out of the origin');
      }
      await response.body?.cancel();
      if (response.status === 303 || (response.status < 303 && request.method === 'POST')) {
        request = { ...request, method: 'GET' };
        delete (request as { body?: unknown }).body;
      }
      url = target;
    }
    throw new Error('too many redirects');
  }

  /** undici's errors quote what a server answered and what a header held. */
  function failure(error: unknown, request: BatteryRequest): unknown {
    if (request.signal?.aborted) return error;
    if (!has('errors-with-everything')) return new Error(`no answer from ${own}`);
    return Object.assign(error as Error, { request, policy });
  }

  async function finish(response: Response, isOther: boolean): Promise<BatteryResponse> {
    const { headers, status } = response;
    if (has('rejects-error-status') && status >= 400) throw new Error(`status ${status}`);
    if (has('no-decoding') && headers.get('content-encoding')) throw new Error('encoded');
    if (isOther && !has('reads-all-of-others')) {
      const text = async (): Promise<string> => boundedText(response);
      return { status, headers, body: response.body, text };
    }
    if (has('buffers-bodies')) {
      const text = await response.text();
      return { status, headers, body: new Blob([text]).stream(), text: async () => text };
    }
    return response;
  }

  async function close(): Promise<void> {
    if (has('never-closes')) return;
    await Promise.all([...agents.values()].map((agent) => agent.destroy()));
  }
  return Object.assign(client, { close });
}

/** Of this machine, or of the private networks that a test can stand for. */
function isPrivate(address: string): boolean {
  return /^(127\.|10\.|192\.168\.|169\.254\.|0\.|::|f[cde])/i.test(address);
}

async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > 4 * 1_048_576) throw new Error('too long');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString();
}
