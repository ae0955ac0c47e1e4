import { isMcpTlsError, TlsTrustError, type TrustErrorCode } from '../errors.js';

/** Where the error happened, as far as it is known. */
export interface ConnectionContext {
  readonly host: string;
  readonly port: number;
  /** Whether the server's certificate had arrived: then version and cipher were agreed upon. */
  readonly sawCertificate?: boolean;
  /** Whether the client had a certificate to show. */
  readonly sentCertificate?: boolean;
}

/**
 * The one place where errors of `node:net`, `node:tls`, OpenSSL and undici become ours. Goes by
 * `code`, because messages differ between Node.js lines. What has no meaning of its own becomes
 * `MCP_TLS_HANDSHAKE_FAILED` (an `ERR_SSL_*` code), `MCP_TLS_UNSUPPORTED_RUNTIME` (any other code of
 * Node.js itself) or `MCP_TLS_UNREACHABLE`, with the code in `detail`.
 *
 * The error is kept as the `cause`, but for one about an answer: that one holds the answer's bytes.
 */
export function toConnectionError(error: unknown, context: ConnectionContext): TlsTrustError {
  if (isMcpTlsError(error) && error instanceof TlsTrustError) return error;
  const code = codeOf(error);
  const reason = isBadAnswer(error, code) ? 'MCP_TLS_BAD_ANSWER' : reasonOf(code, context);
  const words = particularWords(code, context) ?? WORDS[reason] ?? UNREACHABLE;
  const detail = code === '' ? undefined : code;
  const cause = reason === 'MCP_TLS_BAD_ANSWER' ? undefined : error;
  return worded(reason, words, context, { detail, cause });
}

/** A server asked for a client certificate, and ended the connection for the lack of one or for this one. */
export function clientRefused(context: ConnectionContext, cause: unknown): TlsTrustError {
  const reason = clientReason(context);
  return worded(reason, WORDS[reason] ?? UNREACHABLE, context, { detail: undefined, cause });
}

function worded(
  reason: TrustErrorCode,
  { message, hint }: Words,
  { host, port }: ConnectionContext,
  { detail, cause }: { readonly detail: string | undefined; readonly cause: unknown },
): TlsTrustError {
  const text = `${atHost(host, port)}: ${message}${detail ? ` (${detail})` : ''}`;
  return new TlsTrustError(reason, text, { host, port, hint, detail, cause });
}

function clientReason({ sentCertificate }: ConnectionContext): TrustErrorCode {
  return sentCertificate
    ? 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED'
    : 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED';
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

function reasonOf(code: string, context: ConnectionContext): TrustErrorCode {
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

const RULES: readonly (readonly [RegExp, TrustErrorCode])[] = [
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

interface Words {
  readonly message: string;
  readonly hint: string;
}

/** What a code says beyond the reason that it belongs to. */
function particularWords(code: string, { sawCertificate }: ConnectionContext): Words | undefined {
  if (code === 'ECONNRESET' && sawCertificate === false) {
    return {
      message: 'closed the connection during the TLS handshake',
      hint: 'Something between may reset what it does not know, such as the larger first message of Node.js 24 and later; or the server serves other names only: try trust.serverName.',
    };
  }
  return PARTICULAR.find(([pattern]) => pattern.test(code))?.[1];
}

const PARTICULAR: readonly (readonly [RegExp, Words])[] = [
  [
    /ALERT_UNRECOGNI[SZ]ED_NAME$|UNRECOGNIZED_NAME$|ALERT_INTERNAL_ERROR$/,
    {
      message: 'does not serve this name',
      hint: 'It picks its certificate by the name that is asked for (SNI), and an IP address sends none: set trust.serverName to the name that the server knows.',
    },
  ],
  [
    /NO_APPLICATION_PROTOCOL$/,
    {
      message: 'does not speak HTTP/1.1',
      hint: 'It may serve HTTP/2 only: have its operator allow http/1.1 (ALPN), which MCP goes over here.',
    },
  ],
  [
    /UNSAFE_LEGACY_RENEGOTIATION_DISABLED$/,
    {
      message: 'does not know secure renegotiation (RFC 5746)',
      hint: 'OpenSSL refuses such servers: update it, or put a proxy of today before it.',
    },
  ],
  [
    /DH_KEY_TOO_SMALL$/,
    {
      message: 'offers Diffie-Hellman parameters that are too small',
      hint: 'Its certificate is not the problem: have the server offer ECDHE, or larger parameters.',
    },
  ],
];

const UNREACHABLE = {
  message: 'cannot be reached, or the connection broke',
  hint: 'Check the address, the port and that the server is running and reachable from this machine.',
};

const WORDS: Readonly<Partial<Record<TrustErrorCode, { message: string; hint: string }>>> = {
  MCP_TLS_TIMEOUT: {
    message: 'did not answer in time',
    hint: 'Check that the server is running and that no firewall drops the connection, or raise `timeout`.',
  },
  MCP_TLS_CHAIN_REFUSED: {
    message: 'presents a certificate that is not trusted',
    hint: 'The detail is the code of OpenSSL.',
  },
  MCP_TLS_BAD_ANSWER: {
    message: 'sent an answer that is not valid HTTP/1.1',
    hint: 'Check that the port is the one of the MCP server: another service, a proxy, or a server of HTTP/2 only may answer there.',
  },
  MCP_TLS_UNSUPPORTED_RUNTIME: {
    message: 'this process cannot open the connection',
    hint: 'The fault is on this side: check the permissions and the limit of open files of this process, and the installation.',
  },
  MCP_TLS_NOT_TLS: {
    message: 'does not speak TLS',
    hint: 'The port may serve plain http: use the port that the server offers https on.',
  },
  MCP_TLS_CLIENT_CERTIFICATE_REQUIRED: {
    message: 'requires a client certificate',
    hint: 'This server uses mutual TLS: get a client certificate and key for it from its operator.',
  },
  MCP_TLS_CLIENT_CERTIFICATE_REFUSED: {
    message: 'refuses the client certificate',
    hint: 'Check that the client certificate is the one that the server expects, and that it is valid.',
  },
  MCP_TLS_PROTOCOL_MISMATCH: {
    message: 'has no TLS version, cipher suite or signature algorithm in common with this client',
    hint: 'The server must offer TLS 1.2 or 1.3 (or the version in trust.minVersion); some TLS 1.2 servers also answer so when they miss a client certificate.',
  },
  MCP_TLS_WEAK: {
    message: 'uses a key or signature that is too weak',
    hint: 'Have the certificate reissued with a stronger key and signature.',
  },
  MCP_TLS_HANDSHAKE_FAILED: {
    message: 'aborted the TLS handshake',
    hint: "The detail is the code of OpenSSL; see the server's log.",
  },
};
