import { brief, printable } from '../certificate/printable.js';
import { badAnswer } from '../client/fetch-error.js';

/** An answer of an authorization server, read whole: as often as it is needed, a response can be made of it. */
export interface AuthorizationAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
}

/**
 * Reads the answer to a token or registration request. What the SDKs put of it into errors is what is left here:
 * an OAuth error in short and printable, whatever its status, and nothing of what is none; they quote it whole, a token
 * in it included, into every log.
 *
 * @param sent the request, whose secrets are in no error
 * @throws {TypeError} around `MCP_TLS_BAD_ANSWER` for a success that brings no JSON, or a token that no header
 *   can carry
 */
export async function readAuthorizationAnswer(
  response: Response,
  url: URL,
  sent: RequestInit | undefined,
): Promise<AuthorizationAnswer> {
  const { status } = response;
  if (status < 200 || status > 599) {
    await response.body?.cancel();
    throw badAnswer(url, `its authorization server answers with the status ${status}`);
  }
  const text = await boundedText(response, url);
  if (response.ok) assertUsable(text, url);
  const isError = !response.ok || typeof objectOf(text)?.['error'] === 'string';
  return cleanAnswer(response, isError ? errorText(text, secretsOf(sent)) : text);
}

/** The only way of an answer to the SDKs: its text is cleaned, and the server's reason phrase left out. */
function cleanAnswer({ status, headers }: Response, text: string): AuthorizationAnswer {
  return {
    status,
    statusText: '',
    headers: [...headers].filter(([name]) => !OF_THE_WIRE.has(name)),
    text,
  };
}

/**
 * Reads metadata whole, to be looked at before the SDK does. Each text in it is short and printable: the SDKs quote
 * `issuer` and `resource`, and the beginning of what is no JSON.
 *
 * @throws {TypeError} around `MCP_TLS_BAD_ANSWER` for what is too long
 */
export async function readMetadata(response: Response, url: URL): Promise<AuthorizationAnswer> {
  const text = await boundedText(response, url);
  // Nobody reads what is said of its absence.
  if (!response.ok) return cleanAnswer(response, '');
  // An empty text is no JSON either.
  return cleanAnswer(response, cleanJson(objectOf(text)) ?? '');
}

function cleanJson(document: object | undefined): string | undefined {
  try {
    return JSON.stringify(document, (name, value: unknown) => {
      if (typeof value !== 'string') return value;
      const clean = printable(value);
      return QUOTED.has(name) || clean !== value || value.length > MAX_TEXT ? brief(clean) : value;
    });
  } catch {
    // Nested deeper than the stack is.
    return undefined;
  }
}

/** By the SDKs, in errors. */
const QUOTED: ReadonlySet<string> = new Set(['issuer', 'resource']);

/** Addresses are shorter. */
const MAX_TEXT = 2_048;

/** No metadata and no token has a hundredth of it. Other origins than the server's have this limit anyway. */
const MAX_BYTES = 4 * 1_048_576;

async function boundedText({ body }: Response, url: URL): Promise<string> {
  if (body === null) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes <= MAX_BYTES) {
      text += decoder.decode(value, { stream: true });
      continue;
    }
    await reader.cancel();
    throw badAnswer(
      url,
      `its metadata, or answer to a token request, has more than ${MAX_BYTES} bytes`,
    );
  }
}

/** A response of its own for each who asked. */
export function responseOf({ text, ...init }: AuthorizationAnswer): Response {
  const hasBody = init.status !== 204 && init.status !== 205 && init.status !== 304;
  return new Response(hasBody ? text : null, {
    ...init,
    headers: init.headers as [string, string][],
  });
}

/** What is said of the bytes that came. */
const OF_THE_WIRE: ReadonlySet<string> = new Set(['content-encoding', 'content-length']);

/** RFC 6749, Appendix A.12. */
const ACCESS_TOKEN = /^[\x20-\x7e]+$/;

function assertUsable(text: string, url: URL): void {
  const answer = objectOf(text);
  if (answer === undefined) {
    throw badAnswer(
      url,
      'its token or registration endpoint answers with something else than JSON',
    );
  }
  const { access_token: token } = answer;
  if (typeof token === 'string' && !ACCESS_TOKEN.test(token)) {
    throw badAnswer(url, 'its access token has characters that no header can carry');
  }
}

function errorText(text: string, secrets: readonly string[]): string {
  const { error, error_description, error_uri } = objectOf(text) ?? {};
  if (typeof error !== 'string') return `(${text.length} characters that are no OAuth error)`;
  const short = (value: unknown): string | undefined =>
    typeof value === 'string' ? brief(printable(without(secrets, value))) : undefined;
  return JSON.stringify({
    // The SDKs look it up in an object, which has more names than those of its errors.
    error: error in {} ? 'server_error' : short(error),
    error_description: short(error_description),
    error_uri: short(error_uri),
  });
}

/** The object that JSON text is, if it is one. */
export function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Names of form fields that are no secret, or are short words. */
const PUBLIC: ReadonlySet<string> = new Set([
  'grant_type',
  'client_id',
  'redirect_uri',
  'resource',
  'audience',
  'scope',
  'client_assertion_type',
  'subject_token_type',
  'requested_token_type',
]);

function secretsOf(sent: RequestInit | undefined): readonly string[] {
  const { body } = sent ?? {};
  const fields =
    body instanceof URLSearchParams ? [...body].filter(([name]) => !PUBLIC.has(name)) : [];
  const secrets = fields.map(([, value]) => value);
  const authorization = new Headers(sent?.headers).get('authorization') ?? '';
  const [, credentials = ''] = authorization.split(' ');
  if (/^basic /i.test(authorization)) {
    const plain = Buffer.from(credentials, 'base64').toString();
    const password = plain.slice(plain.indexOf(':') + 1);
    // It may be encoded as in a form there (RFC 6749 §2.3.1).
    const decoded = new URLSearchParams(`_=${password.replaceAll('&', '%26')}`).get('_') ?? '';
    secrets.push(plain, password, decoded);
  }
  secrets.push(credentials);
  return secrets.filter(Boolean);
}

/** Without the secrets, in whatever spelling: as they are, or with any character encoded as in a URL or a form. */
function without(secrets: readonly string[], text: string): string {
  // The longest first: one may hold another.
  const longestFirst = [...new Set(secrets)].sort((a, b) => b.length - a.length);
  const spellings = longestFirst.map((secret) => Array.from(secret, spellingsOf).join(''));
  return spellings.reduce((left, one) => left.replaceAll(new RegExp(one, 'gu'), '...'), text);
}

/** A pattern of one character. */
function spellingsOf(character: string): string {
  const literal = character.replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&');
  const percent = [...Buffer.from(character)]
    // Encoded twice, the percent sign is encoded too.
    .map((byte) => `%(?:25)*${hexDigits(byte.toString(16).padStart(2, '0'))}`)
    .join('');
  return `(?:${[literal, percent, ...(character === ' ' ? ['\\+'] : [])].join('|')})`;
}

function hexDigits(digits: string): string {
  return digits.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
