import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { Agent, type buildConnector, fetch, type Response } from 'undici';
import type {
  BatteryClient,
  BatteryPolicy,
  BatteryRequest,
  BatteryResponse,
  MakeBatteryClient,
} from '../../../src/testing/index.js';

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

type Judge = (socket: tls.TLSSocket) => string | undefined;

/** State that a flawed maker shares among all its clients. */
interface Shared {
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

interface Trust {
  readonly authority?: boolean | undefined;
  readonly anchors: readonly X509Certificate[];
  readonly defaultRoots: boolean;
  readonly serverName?: string | undefined;
  readonly minVersion: tls.SecureVersion;
  readonly pins?: readonly string[] | undefined;
  readonly identity: 'name' | 'pin';
  readonly allowExpired: boolean;
  readonly clientCertificate?: BatteryPolicy['clientCertificate'];
  readonly crl?: string | undefined;
}

const DEFAULTS: Trust = {
  anchors: [],
  defaultRoots: true,
  minVersion: 'TLSv1.2',
  identity: 'name',
  allowExpired: false,
};

function makeConnector(
  trust: Trust,
  has: (flaw: Flaw) => boolean,
  shared: Shared,
  named: { host?: string },
): buildConnector.connector {
  const anchors = trust.anchors.map(String);
  const level = has('security-level-0') || has('old-tls') ? 0 : 2;
  const roots =
    (tls as { getCACertificates?: (type: string) => string[] }).getCACertificates?.('default') ??
    tls.rootCertificates;
  const addRoots = trust.defaultRoots || has('appends-default-roots');
  const { clientCertificate: mine, crl } = trust;
  const secureContext = tls.createSecureContext({
    minVersion: has('old-tls') ? 'TLSv1' : trust.minVersion,
    ciphers: `${has('old-tls') ? 'DEFAULT' : tls.DEFAULT_CIPHERS}:@SECLEVEL=${level}`,
    ...(anchors.length > 0 && {
      ca: addRoots
        ? [...roots, ...anchors]
        : has('first-anchor-only')
          ? anchors.slice(0, 1)
          : anchors,
    }),
    ...(!has('first-anchor-only') && { allowPartialTrustChain: true }),
    ...(crl !== undefined && !has('ignores-crl') && { crl }),
    ...(mine &&
      !has('no-client-certificate') && {
        cert: String(mine.cert),
        key: String(mine.key),
        ...(mine.passphrase && { passphrase: mine.passphrase }),
      }),
  } as tls.SecureContextOptions);
  const sessions = has('resumes-across-policies') ? shared.sessions : new Map<string, Buffer>();
  const resumes = has('resumes') || has('resumes-across-policies');
  let verified = false;

  return ({ hostname, port }, callback) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const name = (has('ignores-server-name') ? undefined : trust.serverName) ?? named.host ?? host;
    const session = resumes ? sessions.get(`${host}:${port}`) : undefined;
    const native = has('reads-environment');
    const socket = tls.connect({
      host,
      port: Number(port || 443),
      servername: isIP(name) === 0 ? name : '',
      secureContext,
      ...(session && { session }),
      ...(!native && { rejectUnauthorized: false, checkServerIdentity: () => undefined }),
      ALPNProtocols: ['http/1.1'],
    });
    if (resumes) socket.on('session', (ticket) => sessions.set(`${host}:${port}`, ticket));
    socket.once('error', (error) => callback(error, null));
    socket.once('secureConnect', () => {
      socket.removeAllListeners('error').on('error', () => {});
      const skip =
        native || (verified && has('verifies-once')) || (resumes && socket.isSessionReused());
      const refused = skip ? undefined : makeJudge(trust, name, has)(socket);
      if (refused !== undefined) {
        socket.destroy();
        callback(new Error(refused), null);
        return;
      }
      verified = true;
      socket.removeAllListeners('error');
      callback(null, socket);
    });
  };
}

function makeJudge(trust: Trust, name: string, has: (flaw: Flaw) => boolean): Judge {
  return (socket) => {
    if (has('trusts-anything')) return undefined;
    const chain: X509Certificate[] = [];
    let link = socket.getPeerX509Certificate();
    while (link !== undefined) {
      chain.push(link);
      link = link.issuerCertificate;
    }
    const [leaf] = chain;
    if (leaf === undefined) return 'no certificate';
    if (chain.length > 32 && has('refuses-long-chains')) return 'too many certificates';
    const pinned = has('pins-any-certificate') ? chain : [leaf];
    const pins = has('first-pin-only') ? trust.pins?.slice(0, 1) : trust.pins;
    if (pins && !has('ignores-pins') && !pinned.some((one) => matches(one, pins, has))) {
      return 'no pin matches';
    }
    if (has('pins-only') && pins) return undefined;
    const identity = has('ignores-pin-identity') ? 'name' : trust.identity;
    if (identity === 'pin') {
      if (isWeak(leaf) && !has('pins-weak-keys')) return 'a weak key';
      if (has('pins-without-validity')) return undefined;
      const now = Date.now();
      if (now < Date.parse(leaf.validFrom)) return 'not yet valid';
      return now > Date.parse(leaf.validTo) && !trust.allowExpired ? 'expired' : undefined;
    }
    const code = socket.authorized ? undefined : String(socket.authorizationError);
    return judgeChain(code, chain, trust, has) ?? judgeName(leaf, name, has);
  };
}

const FORGIVEN =
  /EXPIRED|NOT_YET|PURPOSE|INVALID_CA|PATH_LENGTH|SIGNATURE_FAILURE|UNSPECIFIED|LEAF_SIGNATURE|ISSUER|subtree|critical|usage|key|signature/i;

function judgeChain(
  code: string | undefined,
  [leaf, ...rest]: readonly X509Certificate[],
  trust: Trust,
  has: (flaw: Flaw) => boolean,
): string | undefined {
  const { allowExpired, anchors, pins } = trust;
  if (leaf === undefined || has('ignores-chain')) return undefined;
  if (code === undefined) return judgeAnchors([leaf, ...rest], trust, has);
  if (isOwn(leaf, trust) && !has('asks-openssl-of-own')) {
    return isFit(leaf) ? undefined : code;
  }
  if (code === 'CERT_HAS_EXPIRED' && allowExpired && pins) {
    const inOrder = has('forgives-any-expiry') || leadsToAnchor(leaf, rest, anchors);
    return inOrder ? undefined : code;
  }
  if (has('pins-without-validity') && pins && /EXPIRED|NOT_YET/.test(code)) return undefined;
  if (has('knows-by-any-certificate')) {
    if ([leaf, ...rest].some((one) => anchors.some((a) => a.raw.equals(one.raw)))) return undefined;
  }
  if (has('knows-issuer-by-name') && anchors.some((a) => a.subject === leaf.issuer))
    return undefined;
  if (has('forgives-openssl') && FORGIVEN.test(code)) return undefined;
  return code;
}

/** Whether every signature from the leaf up to an anchor is right, and nothing above it has ended. */
function leadsToAnchor(
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): boolean {
  let link = leaf;
  for (let depth = 0; depth < 10; depth++) {
    const signs = (issuer: X509Certificate) =>
      issuer.subject === link.issuer && isCurrent(issuer) && link.verify(issuer.publicKey);
    if (anchors.some(signs)) return true;
    const next = chain.find((one) => one.ca && signs(one));
    if (next === undefined) return false;
    link = next;
  }
  return false;
}

function isOwn(leaf: X509Certificate, { anchors }: Trust): boolean {
  return anchors.some((anchor) => anchor.raw.equals(leaf.raw));
}

/** What OpenSSL would say of the leaf alone. */
function isFit(leaf: X509Certificate): boolean {
  const purposes = leaf.keyUsage ?? [SERVER_AUTH];
  return isCurrent(leaf) && !isWeak(leaf) && purposes.includes(SERVER_AUTH);
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

function isCurrent({ validFrom, validTo }: X509Certificate): boolean {
  return Date.parse(validFrom) <= Date.now() && Date.now() <= Date.parse(validTo);
}

function isWeak({ publicKey }: X509Certificate): boolean {
  const bits = publicKey.asymmetricKeyDetails?.modulusLength;
  return bits !== undefined && bits < 2048;
}

/** Anchors that are no authorities vouch for themselves only. */
function judgeAnchors(
  chain: readonly X509Certificate[],
  { anchors, authority }: Trust,
  has: (flaw: Flaw) => boolean,
): string | undefined {
  if (has('anchors-sign-anything') || has('appends-default-roots')) return undefined;
  if (anchors.some((anchor) => chain[0]?.raw.equals(anchor.raw))) return undefined;
  const own = anchors.filter((anchor) => !(authority ?? anchor.subjectAltName === undefined));
  const looked = has('looks-at-32-certificates') ? chain.slice(0, 32) : chain;
  const signed = own.some((anchor) => looked.some((link) => link.verify(anchor.publicKey)));
  return signed ? 'the anchor is no authority' : undefined;
}

function judgeName(
  leaf: X509Certificate,
  name: string,
  has: (flaw: Flaw) => boolean,
): string | undefined {
  if (has('ignores-names')) return undefined;
  if (has('names-as-node-does')) {
    return tls.checkServerIdentity(name, leaf.toLegacyObject() as tls.PeerCertificate)?.message;
  }
  if (has('names-by-part')) {
    const names = (leaf.subjectAltName ?? '')
      .split(', ')
      .map((san) => san.replace(/^[^:]*:/, '').replace(/^\*/, ''));
    if (names.some((one) => one.includes(name) || name.endsWith(one))) return undefined;
  }
  const options = { subject: 'never', partialWildcards: false } as const;
  const carried = isIP(name) === 0 ? leaf.checkHost(name, options) : leaf.checkIP(name);
  return carried === undefined ? `not for ${name}` : undefined;
}

function matches(
  one: X509Certificate,
  pins: readonly string[],
  has: (flaw: Flaw) => boolean,
): boolean {
  const spki = one.publicKey.export({ type: 'spki', format: 'der' });
  const pin = `sha256/${createHash('sha256').update(spki).digest('base64')}`;
  const hex = one.fingerprint256.replaceAll(':', '');
  return pins.some((wanted) => {
    if (wanted.startsWith('sha256/')) return wanted === pin;
    if (has('pins-key-for-fingerprint')) return true;
    return wanted.replace(/^SHA256:/, '').replaceAll(':', '') === hex;
  });
}

function readPolicy(policy: BatteryPolicy, has: (flaw: Flaw) => boolean): Trust {
  const {
    allowExpired = false,
    ca,
    clientCertificate,
    crl,
    identity = 'name',
    minVersion,
    pins,
    roots,
    serverName,
  } = policy;
  const lax = has('lax-configuration');
  let anchors: X509Certificate[] = [];
  try {
    anchors =
      ca === undefined
        ? []
        : [ca].flat().flatMap((one) => readAnchors(one as string | Uint8Array, lax));
  } catch (error) {
    if (!lax) throw error;
  }
  if (!lax) {
    const bad =
      ('ca' in policy && anchors.length === 0) ||
      (anchors.length === 0 && roots === 'none') ||
      serverName === '' ||
      (minVersion !== undefined && !/^TLSv1\.[23]$/.test(minVersion)) ||
      (pins !== undefined && pins.length === 0) ||
      pins?.some((pin) => !/^(sha256\/[\w+/]{43}=|(SHA256:)?([0-9A-F]{2}:?){32})$/.test(pin)) ||
      (pins === undefined && (identity === 'pin' || allowExpired)) ||
      (crl !== undefined && !String(crl).includes('BEGIN X509 CRL'));
    if (bad) throw new Error('a bad policy');
    if (clientCertificate) {
      const { cert, key, passphrase } = clientCertificate;
      const privateKey = createPrivateKey({ key: String(key), ...(passphrase && { passphrase }) });
      if (!new X509Certificate(String(cert)).checkPrivateKey(privateKey))
        throw new Error('another key');
    }
  }
  const usable = clientCertificate?.key !== undefined;
  return {
    anchors,
    defaultRoots: roots === 'default' || ca === undefined,
    authority: has('ignores-authority') ? undefined : policy.authority,
    serverName: serverName === '' ? undefined : serverName,
    minVersion:
      has('ignores-min-version') || !/^TLSv1\.[23]$/.test(minVersion ?? '')
        ? 'TLSv1.2'
        : (minVersion as 'TLSv1.2'),
    pins,
    identity,
    allowExpired,
    clientCertificate: usable && !lax ? clientCertificate : undefined,
    crl: crl === undefined || lax ? undefined : String(crl),
  };
}

function readAnchors(input: string | Uint8Array, lax: boolean): X509Certificate[] {
  if (typeof input !== 'string' && input[0] === 0x30) return [new X509Certificate(input)];
  const text = typeof input === 'string' ? input : Buffer.from(input).toString();
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = text.match(/-----BEGIN/g) ?? [];
  if (!lax && (blocks.length === 0 || begun.length !== blocks.length)) throw new Error('bad ca');
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch (error) {
      if (lax) return [];
      throw error;
    }
  });
}
