import { isIP } from 'node:net';
import type { SecureVersion } from 'node:tls';
import { assertKnownKeys, assertMs, assertOneOf, invalidArgument } from '../assert.js';
import type { HeldCertificate } from './held-certificate.js';
import type { RequestHandler } from './start-tls-server.js';

/** What a server shows: a held certificate, or any PEM chain with its PEM key. */
export type ServerCertificate = HeldCertificate | { readonly cert: string; readonly key: string };

/** Options of {@link startTlsServer}. */
export interface TlsServerOptions {
  readonly certificate: ServerCertificate;
  /** Default: answers `{"ok":true}` to everything. What it throws becomes a status 500. */
  readonly onRequest?: RequestHandler;
  /** Loopback address to listen on. Default: `127.0.0.1`. */
  readonly host?: '127.0.0.1' | '::1';
  /** What a held certificate sends: its `chainPem` (default), or the leaf alone. */
  readonly sendChain?: 'chain' | 'leaf';
  /** Default: `TLSv1.2`. */
  readonly minVersion?: SecureVersion;
  /** Default: `TLSv1.3`. */
  readonly maxVersion?: SecureVersion;
  /**
   * OpenSSL cipher list. Default: Node.js's own at security level 0, so that the server shows any
   * certificate, and whatever is too weak is for the client to refuse.
   */
  readonly ciphers?: string;
  /** Signature algorithms of the server. Default: OpenSSL's. */
  readonly sigalgs?: string;
  /** Self-signed issuer of the client certificates that are demanded. Default: none is asked for. */
  readonly clientCa?: HeldCertificate | string;
  /**
   * 48 bytes that seal session tickets. Two servers with the same keys resume each other's
   * sessions, and `rotate()` keeps them alive. Default: fresh ones for each certificate.
   */
  readonly ticketKeys?: Buffer;
  /** How long an idle connection is kept. Default: 5000 ms. `0`: until one side closes it. */
  readonly keepAliveTimeoutMs?: number;
}

export const TLS_SERVER_FIELDS: readonly string[] = [
  'certificate',
  'onRequest',
  'host',
  'sendChain',
  'minVersion',
  'maxVersion',
  'ciphers',
  'sigalgs',
  'clientCa',
  'ticketKeys',
  'keepAliveTimeoutMs',
] satisfies readonly (keyof TlsServerOptions)[];

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** @throws `MCP_TLS_INVALID_ARGUMENT` */
export function checkTlsServerOptions(options: TlsServerOptions): void {
  assertKnownKeys('startTlsServer options', options, TLS_SERVER_FIELDS);
  checkServerCertificate(options.certificate);
  const {
    clientCa,
    host,
    keepAliveTimeoutMs,
    maxVersion,
    minVersion,
    onRequest,
    sendChain,
    ticketKeys,
  } = options;
  if (host !== undefined) assertOneOf('host', host, ['127.0.0.1', '::1']);
  if (sendChain !== undefined) assertOneOf('sendChain', sendChain, ['chain', 'leaf']);
  if (sendChain === 'leaf' && 'cert' in options.certificate) {
    invalidArgument("sendChain: 'leaf' needs a held certificate; of a PEM, all is sent");
  }
  if (minVersion !== undefined) assertOneOf('minVersion', minVersion, VERSIONS);
  if (maxVersion !== undefined) assertOneOf('maxVersion', maxVersion, VERSIONS);
  if (VERSIONS.indexOf(minVersion ?? 'TLSv1.2') > VERSIONS.indexOf(maxVersion ?? 'TLSv1.3')) {
    invalidArgument('minVersion is above maxVersion (they default to TLSv1.2 and TLSv1.3)');
  }
  if (keepAliveTimeoutMs !== undefined) assertMs('keepAliveTimeoutMs', keepAliveTimeoutMs);
  if (clientCa !== undefined) checkClientCa(clientCa);
  if (onRequest !== undefined && typeof onRequest !== 'function') {
    invalidArgument('onRequest must be a function');
  }
  for (const field of ['ciphers', 'sigalgs'] as const) {
    const value = options[field];
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      invalidArgument(`${field} must be a non-empty string`);
    }
  }
  if (ticketKeys !== undefined && !(Buffer.isBuffer(ticketKeys) && ticketKeys.length === 48)) {
    invalidArgument('ticketKeys must be a Buffer of 48 bytes');
  }
}

export function checkServerCertificate(certificate: ServerCertificate): void {
  const fields: Record<string, unknown> = { ...certificate };
  const held = typeof fields['chainPem'] === 'string' && typeof fields['keyPem'] === 'string';
  const pair = typeof fields['cert'] === 'string' && typeof fields['key'] === 'string';
  if (!held && !pair) {
    invalidArgument('certificate must be a result of heldCertificate() or { cert, key } as PEM');
  }
}

export function checkClientCa(ca: HeldCertificate | string): void {
  const pem: unknown = typeof ca === 'string' ? ca : ca?.certificatePem;
  // An empty `ca` would mean Node.js's default roots.
  if (typeof pem !== 'string' || !pem.includes('-----BEGIN CERTIFICATE-----')) {
    invalidArgument('the client CA must be a result of heldCertificate() or a PEM');
  }
  // `tls.Server` does not hand `allowPartialTrustChain` on, so it would refuse every client.
  if (typeof ca !== 'string' && ca.issuer !== undefined) {
    invalidArgument('the client CA must be self-signed: Node.js takes no other as an anchor here');
  }
}

/** The host as it stands in a URL. */
export function urlHost(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
