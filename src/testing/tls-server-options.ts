import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { SecureVersion } from 'node:tls';
import { invalidArgument } from '../assert.js';
import {
  custom,
  type Declaration,
  declareOptions,
  type Fields,
  func,
  type Kind,
  ms,
  oneOf,
  readBy,
  readOptions,
  refuse,
  required,
  text,
} from '../options.js';
import type { HeldCertificate } from './held-certificate-options.js';

/** Answers one request. A rejected promise becomes a status 500. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
) => void | Promise<void>;

/** What a server shows: a held certificate, or any PEM chain with its PEM key. */
export type ServerCertificate = HeldCertificate | { readonly cert: string; readonly key: string };

/** Options of {@link startTlsServer}. */
export interface TlsServerOptions {
  /** What it presents, and the key of it. */
  certificate: ServerCertificate;
  /** Default: answers `{"ok":true}` to everything. What it throws becomes a status 500. */
  onRequest?: RequestHandler;
  /** Loopback address to listen on. Default: `127.0.0.1`. */
  host?: '127.0.0.1' | '::1';
  /** What a held certificate sends: its `chainPem` (default), or the leaf alone. */
  sendChain?: 'chain' | 'leaf';
  /** Default: `TLSv1.2`. */
  minVersion?: SecureVersion;
  /** Default: `TLSv1.3`. */
  maxVersion?: SecureVersion;
  /**
   * OpenSSL cipher list. Default: Node.js's own at security level 0, so that the server shows any
   * certificate, and whatever is too weak is for the client to refuse.
   */
  ciphers?: string;
  /** Signature algorithms of the server. Default: OpenSSL's. */
  sigalgs?: string;
  /** Self-signed issuer of the client certificates that are demanded. Default: none is asked for. */
  clientCa?: HeldCertificate | string;
  /**
   * 48 bytes that seal session tickets. Two servers with the same keys resume each other's
   * sessions, and `rotate()` keeps them alive. Default: fresh ones for each certificate.
   */
  ticketKeys?: Buffer;
  /** How long an idle connection is kept. Default: 5000 ms. `0`: until one side closes it. */
  keepAliveMs?: number;
}

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

const SERVER_CERTIFICATE = 'a result of heldCertificate() or { cert, key } as PEM';

/** What a server shows. */
export const CERTIFICATE: Kind<ServerCertificate> = required(
  custom(SERVER_CERTIFICATE, isServerCertificate),
);

/** What {@link TlsServerOptions} must be. */
export const TLS_SERVER_FIELDS: Fields<TlsServerOptions> = {
  certificate: CERTIFICATE,
  onRequest: func(),
  host: oneOf('127.0.0.1', '::1'),
  sendChain: oneOf('chain', 'leaf'),
  minVersion: oneOf(...VERSIONS),
  maxVersion: oneOf(...VERSIONS),
  ciphers: text(),
  sigalgs: text(),
  clientCa: readBy<HeldCertificate | string>('a result of heldCertificate() or a PEM', (ca) => {
    checkClientCa(ca as string);
    return ca as string;
  }),
  ticketKeys: custom(
    'a Buffer of 48 bytes',
    (value) => Buffer.isBuffer(value) && value.length === 48,
  ),
  keepAliveMs: ms(),
};

const TLS_SERVER: Declaration<TlsServerOptions> = declareOptions<TlsServerOptions>(
  'startTlsServer: options',
  TLS_SERVER_FIELDS,
);

/** @throws `MCP_TLS_INVALID_ARGUMENT` */
export function readTlsServerOptions(given: TlsServerOptions): TlsServerOptions {
  const options = readOptions(TLS_SERVER, given);
  const { sendChain, minVersion = 'TLSv1.2', maxVersion = 'TLSv1.3' } = options;
  if (sendChain === 'leaf' && 'cert' in options.certificate) {
    invalidArgument("sendChain: 'leaf' needs a held certificate; of a PEM, all is sent");
  }
  if (VERSIONS.indexOf(minVersion) > VERSIONS.indexOf(maxVersion)) {
    invalidArgument('minVersion is above maxVersion (they default to TLSv1.2 and TLSv1.3)');
  }
  return options;
}

export function checkServerCertificate(certificate: ServerCertificate): void {
  if (!isServerCertificate(certificate)) refuse('certificate', SERVER_CERTIFICATE, certificate);
}

function isServerCertificate(certificate: unknown): boolean {
  if (typeof certificate !== 'object' || certificate === null) return false;
  const fields: Record<string, unknown> = { ...certificate };
  const held = typeof fields['chainPem'] === 'string' && typeof fields['keyPem'] === 'string';
  const pair = typeof fields['cert'] === 'string' && typeof fields['key'] === 'string';
  return held || pair;
}

export function checkClientCa(ca: HeldCertificate | string): void {
  const pem: unknown = typeof ca === 'string' ? ca : ca?.pem;
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
