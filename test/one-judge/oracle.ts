import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import type { PolicyCase } from './policies.js';
import type { PresentationCase } from './presentations.js';
import { carriesPin } from './support/carries-pin.js';

/** More presented certificates than this are refused. */
const BOUND = 100;

/**
 * Whether `policy` is to trust this presentation, from what its fields promise and what is known of
 * the certificates that were made; of our own code nothing is asked. Only where authorities or roots
 * have to vouch does `opensslAccepts` say whether OpenSSL finds a path, given nothing else to trust.
 */
export function expectation(
  policy: PolicyCase,
  shown: PresentationCase,
  opensslAccepts: boolean,
): boolean {
  const { chain, unfit, server, unsafe } = shown;
  const leaf = chain[0]?.certificate as NonNullable<(typeof chain)[0]>['certificate'];
  if (chain.length > BOUND || unsafe) return false;
  if (policy.minVersion === 'TLSv1.3' && server.maxVersion === 'TLSv1.2') return false;
  if (server.clientCa !== undefined && server.clientCa !== policy.client) return false;
  if (unfit === 'other' || (unfit === 'ended' && !policy.allowExpired)) return false;
  if (policy.pins.length > 0 && !policy.pins.some((pin) => carriesPin(leaf, pin))) return false;
  if (policy.byPin) return true;
  if (!shown.carries.includes(policy.serverName ?? shown.host)) return false;
  if (policy.own.some(({ certificate }) => certificate.raw.equals(leaf.raw))) return true;
  if (unfit === 'ended') {
    return policy.authorities.some((authority) => shown.endedBelow.includes(authority));
  }
  return opensslAccepts;
}

/** What OpenSSL says of the chain at `port` where only authorities and roots are trusted. */
export function askOpenssl(policy: PolicyCase, host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername: policy.serverName ?? (host === 'localhost' ? host : ''),
      secureContext: contextOf(policy),
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    // Its conversion of the certificate, which nobody needs here, crashes Node.js 24 on some keys.
    socket.getPeerCertificate = () => ({}) as tls.DetailedPeerCertificate;
    socket.once('secureConnect', () => {
      const verdict = socket.authorized ? 'ok' : String(socket.authorizationError);
      socket.on('error', () => {}).destroy();
      resolve(verdict);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(`no handshake: ${error.code ?? error.message}`);
    });
  });
}

const contexts = new WeakMap<PolicyCase, tls.SecureContext>();
const shared = new Map<string, tls.SecureContext>();

/** What {@link askOpenssl} depends on: policies that agree in it get one answer. */
export function opensslKey(policy: PolicyCase): string {
  const { authorities, roots, crl = '', serverName = '', client } = policy;
  const anchors = authorities.map(({ fingerprint }) => fingerprint);
  return JSON.stringify([anchors, roots, crl, serverName, client?.fingerprint]);
}

function contextOf(policy: PolicyCase): tls.SecureContext {
  const present = contexts.get(policy) ?? shared.get(opensslKey(policy));
  if (present !== undefined) return present;
  const { authorities, roots, crl, client } = policy;
  const ca = authorities.map(({ pem }) => pem);
  const options: tls.SecureContextOptions = {
    ciphers: `${tls.DEFAULT_CIPHERS}:@SECLEVEL=2`,
    ...(client && { cert: client.pem, key: client.keyPem }),
    // Of one text Node.js reads the first list only.
    ...(crl !== undefined && { crl: crl.match(/-----BEGIN[\s\S]+?END X509 CRL-----/g) ?? [] }),

    // Without `ca` Node.js takes its roots, those of NODE_EXTRA_CA_CERTS among them.
    ...(!(roots && ca.length === 0) && { ca: roots ? [...defaultRoots(), ...ca] : ca }),
    ...(ca.length > 0 && { allowPartialTrustChain: true }),
  };
  const context = tls.createSecureContext(options);
  contexts.set(policy, context);
  shared.set(opensslKey(policy), context);
  return context;
}

function defaultRoots(): readonly string[] {
  return [...tls.rootCertificates, readFileSync(process.env['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8')];
}
