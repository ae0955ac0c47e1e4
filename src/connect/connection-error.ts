import { CONFIG_WORDS } from '../errors/words/config-words.js';
import { CONNECTION_WORDS } from '../errors/words/connection-words.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import type { Words } from '../errors/words/words.js';
import {
  type ConnectionErrorCode,
  TlsConfigError,
  TlsConnectionError,
  TlsTrustError,
} from '../errors.js';
import type { CheckedClientCertificate } from '../trust/client-certificate.js';
import { clientCertificateHint } from './client-certificate-hint.js';

/** Why there is no connection: not trusted, not to be had, or not possible in this process. */
export type ConnectFailure = TlsTrustError | TlsConnectionError | TlsConfigError;

/** What an error of the network or of OpenSSL can turn out to be. */
type Reason =
  | ConnectionErrorCode
  | 'MCP_TLS_WEAK'
  | 'MCP_TLS_CHAIN_REFUSED'
  | 'MCP_TLS_UNSUPPORTED_RUNTIME';

/** Where the error happened, as far as it is known. */
export interface ConnectionContext {
  readonly host: string;
  readonly port: number;
  /** Whether the server's certificate had arrived: then version and cipher were agreed upon. */
  readonly sawCertificate?: boolean;
  /** What the client had to show to a server that asks for a certificate. */
  readonly clientCertificate?: CheckedClientCertificate | undefined;
  /** Why the first message was sent once more, without post-quantum groups. */
  readonly secondHello?: 'reset' | 'no answer' | undefined;
  /** Those that the policy asks for. */
  readonly groups?: readonly string[] | undefined;
}

/**
 * The one place where errors of `node:net`, `node:tls`, OpenSSL and undici become ours. Goes by
 * `code`, because messages differ between Node.js lines. What has no meaning of its own becomes
 * `MCP_TLS_HANDSHAKE_FAILED` (an `ERR_SSL_*` code), `MCP_TLS_UNSUPPORTED_RUNTIME` (any other code of
 * Node.js itself) or `MCP_TLS_UNREACHABLE`, with the code in `detail`. What is ours already stays.
 *
 * The error is kept as the `cause`, but for one about an answer: that one holds the answer's bytes.
 */
export function toConnectionError(error: unknown, context: ConnectionContext): ConnectFailure {
  if (isConnectFailure(error)) return error;
  const code = codeOf(error);
  const reason = isBadAnswer(error, code) ? 'MCP_TLS_BAD_ANSWER' : reasonOf(code, context);
  const particular = ofOurCertificate(reason, code, context) ?? particularWords(code, context);
  const words = particular ?? WORDS[reason];
  const detail = code === '' ? undefined : code;
  const cause = reason === 'MCP_TLS_BAD_ANSWER' ? undefined : error;
  return worded(reason, words, context, { detail, cause });
}

/** Whether `error` is one of ours that a connection can fail with. */
export function isConnectFailure(error: unknown): error is ConnectFailure {
  return (
    error instanceof TlsTrustError ||
    error instanceof TlsConnectionError ||
    error instanceof TlsConfigError
  );
}

/** A server asked for a client certificate, and ended the connection for the lack of one or for this one. */
export function clientRefused(context: ConnectionContext, cause: unknown): TlsConnectionError {
  const { host, port } = context;
  const reason = clientReason(context);
  const { meaning, hint } = ofOurCertificate(reason, '', context) ?? CONNECTION_WORDS[reason];
  return new TlsConnectionError(reason, `${atHost(host, port)}: ${meaning}`, {
    host,
    port,
    hint,
    cause,
  });
}

function worded(
  reason: Reason,
  { meaning, hint }: Words,
  { host, port }: ConnectionContext,
  { detail, cause }: { readonly detail: string | undefined; readonly cause: unknown },
): ConnectFailure {
  const text = `${atHost(host, port)}: ${meaning}${detail ? ` (${detail})` : ''}`;
  if (reason === 'MCP_TLS_UNSUPPORTED_RUNTIME') {
    const retryable = EXHAUSTED.test(detail ?? '');
    return new TlsConfigError(reason, text, { hint, cause, retryable });
  }
  const details = { host, port, hint, detail, cause };
  return reason === 'MCP_TLS_WEAK' || reason === 'MCP_TLS_CHAIN_REFUSED'
    ? new TlsTrustError(reason, text, details)
    : new TlsConnectionError(reason, text, details);
}

/** Of what others of this process give back. */
const EXHAUSTED = /^(EMFILE|ENFILE|ENOMEM)$/;

function clientReason({
  clientCertificate,
}: ConnectionContext):
  | 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED'
  | 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED' {
  return clientCertificate === undefined
    ? 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED'
    : 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED';
}

/** Of a certificate of ours that was refused, more is known than of the server. */
function ofOurCertificate(
  reason: Reason,
  code: string,
  { clientCertificate }: ConnectionContext,
): Words | undefined {
  if (reason !== 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED' || clientCertificate === undefined) {
    return undefined;
  }
  const { meaning } = CONNECTION_WORDS[reason];
  return { meaning, hint: clientCertificateHint(clientCertificate, code, new Date()) };
}

const BAD_ANSWER =
  /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_CONTENT_LENGTH_MISMATCH|RES_EXCEEDED_MAX_SIZE)$)/;

/** What undici says of an answer that its parser refuses: not always by a code. */
function isBadAnswer(error: unknown, code: string): boolean {
  const { name, message } = Object(error) as {
    readonly name?: unknown;
    readonly message?: unknown;
  };
  if (name === 'HTTPParserError' || BAD_ANSWER.test(code)) return true;
  return code === 'UND_ERR_SOCKET' && (message === 'bad response' || message === 'bad upgrade');
}

/** `host:port`, with brackets around an IPv6 address. */
export function atHost(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The most telling code in `error`: its own, or that of the first cause or part that has one. */
function codeOf(error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 4) return '';
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  const parts = [cause, ...(Array.isArray(errors) ? errors : [])];
  for (const part of parts) {
    const found = codeOf(part, depth + 1);
    if (found !== '') return found;
  }
  return '';
}

function reasonOf(code: string, context: ConnectionContext): Reason {
  const rule = RULES.find(([pattern]) => pattern.test(code));
  if (rule) return rule[1];
  // TLS 1.2 servers answer a missing client certificate with the same alert as a cipher mismatch;
  // only when their own certificate had already arrived can it be no mismatch.
  if (/ALERT_HANDSHAKE_FAILURE$/.test(code)) {
    return context.sawCertificate ? clientReason(context) : 'MCP_TLS_PROTOCOL_MISMATCH';
  }
  if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code)) return 'MCP_TLS_HANDSHAKE_FAILED';
  return /^(ERR_(?!SOCKET|STREAM)|MODULE_)/.test(code)
    ? 'MCP_TLS_UNSUPPORTED_RUNTIME'
    : 'MCP_TLS_UNREACHABLE';
}

/** OpenSSL's verdicts about a chain (`X509_V_ERR_*`), which a runtime may give where an error is expected. */
const VERDICT =
  /^((DEPTH_ZERO_)?SELF_SIGNED_CERT|UNABLE_TO_|CERT_|CRL_|ERROR_IN_CERT_|ERROR_IN_CRL_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/;

const RULES: readonly (readonly [RegExp, Reason])[] = [
  [VERDICT, 'MCP_TLS_CHAIN_REFUSED'],
  [/^(EACCES|EPERM|ERR_ACCESS_DENIED|EMFILE|ENFILE|ENOMEM)$/, 'MCP_TLS_UNSUPPORTED_RUNTIME'],
  [/TIMEOUT|ETIMEDOUT/, 'MCP_TLS_TIMEOUT'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE/,
    'MCP_TLS_NOT_TLS',
  ],
  [/ALERT_CERTIFICATE_REQUIRED$/, 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED'],
  [
    /ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_(UNKNOWN|EXPIRED|REVOKED)|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)$/,
    'MCP_TLS_CLIENT_CERTIFICATE_REFUSED',
  ],
  [
    /ALERT_(PROTOCOL_VERSION|INSUFFICIENT_SECURITY)$|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE|NO_CIPHERS_AVAILABLE|WRONG_SSL_VERSION|VERSION_TOO_LOW/,
    'MCP_TLS_PROTOCOL_MISMATCH',
  ],
  [/DH_KEY_TOO_SMALL|(EE|CA)_KEY_TOO_SMALL|MD_TOO_WEAK/, 'MCP_TLS_WEAK'],
];

/** What a code says beyond the reason that it belongs to. */
function particularWords(code: string, context: ConnectionContext): Words | undefined {
  const { sawCertificate, secondHello } = context;
  if (code === 'ECONNRESET' && sawCertificate === false) {
    return {
      meaning: 'closed the connection during the TLS handshake',
      hint: hintOfReset(context),
    };
  }
  if (code === 'ETIMEDOUT' && secondHello !== undefined) {
    const { meaning, hint } = CONNECTION_WORDS.MCP_TLS_TIMEOUT;
    return { meaning, hint: `${hint} ${TRIED_WITHOUT}` };
  }
  if (/ALERT_HANDSHAKE_FAILURE$/.test(code) && !sawCertificate) {
    const { meaning, hint } = CONNECTION_WORDS.MCP_TLS_PROTOCOL_MISMATCH;
    return { meaning, hint: `${hint} ${ONLY_DHE}` };
  }
  return PARTICULAR.find(([pattern]) => pattern.test(code))?.[1];
}

const TRIED_WITHOUT =
  'It was tried without the larger, post-quantum first message of this Node.js as well.';

/** Nothing that would say why has come. */
function hintOfReset({ secondHello, groups = [] }: ConnectionContext): string {
  const name = 'the server serves other names only: try trust.serverName';
  if (secondHello !== undefined) {
    return `${TRIED_WITHOUT} Perhaps ${name}; or something between lets no TLS through to this host.`;
  }
  return groups.some((group) => group.includes('MLKEM'))
    ? `Something between may reset the larger first message that the post-quantum trust.groups make, which is sent in no other way then; or ${name}.`
    : `Something between may reset what it does not know; or ${name}.`;
}

const ONLY_DHE =
  'One that offers finite-field Diffie-Hellman (DHE) only has to offer ECDHE as well.';

const PARTICULAR: readonly (readonly [RegExp, Words])[] = [
  [
    /ALERT_UNRECOGNI[SZ]ED_NAME$|UNRECOGNIZED_NAME$|ALERT_INTERNAL_ERROR$/,
    {
      meaning: 'does not serve this name',
      hint: 'It picks its certificate by the name that is asked for (SNI), and an IP address sends none: set trust.serverName to the name that the server knows.',
    },
  ],
  [
    /NO_APPLICATION_PROTOCOL$/,
    {
      meaning: 'does not speak HTTP/1.1',
      hint: 'It may serve HTTP/2 only: have its operator allow http/1.1 (ALPN), which MCP goes over here.',
    },
  ],
  [
    /UNSAFE_LEGACY_RENEGOTIATION_DISABLED$/,
    {
      meaning: 'does not know secure renegotiation (RFC 5746)',
      hint: 'OpenSSL refuses such servers: update it, or put a proxy of today before it.',
    },
  ],
  [
    /DH_KEY_TOO_SMALL$/,
    {
      meaning: 'offers Diffie-Hellman parameters that are too small',
      hint: 'Its certificate is not the problem: have the server offer ECDHE, or larger parameters.',
    },
  ],
];

/** What a code says that nothing particular is known of. */
const WORDS: Readonly<Record<Reason, Words>> = {
  ...CONNECTION_WORDS,
  MCP_TLS_WEAK: {
    meaning: 'uses a key or signature that is too weak',
    hint: TRUST_WORDS.MCP_TLS_WEAK.hint,
  },
  MCP_TLS_CHAIN_REFUSED: {
    meaning: 'presents a certificate that is not trusted',
    hint: TRUST_WORDS.MCP_TLS_CHAIN_REFUSED.hint,
  },
  MCP_TLS_UNSUPPORTED_RUNTIME: {
    meaning: 'this process cannot open the connection',
    hint: CONFIG_WORDS.MCP_TLS_UNSUPPORTED_RUNTIME.hint,
  },
};
