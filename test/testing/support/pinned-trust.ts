import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import type { buildConnector } from 'undici';
import type { BatteryPolicy } from '../../../src/testing/index.js';

import type { Flaw, Judge, Shared } from './pinned-client.js';

export interface Trust {
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

export const DEFAULTS: Trust = {
  anchors: [],
  defaultRoots: true,
  minVersion: 'TLSv1.2',
  identity: 'name',
  allowExpired: false,
};

export function makeConnector(
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

export function readPolicy(policy: BatteryPolicy, has: (flaw: Flaw) => boolean): Trust {
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
