import { randomBytes } from 'node:crypto';
import { StoreError } from '../errors.js';
import type { GcmKey, GcmSealed } from './gcm-key.js';
import type { KeyRing } from './key-ring.js';

/** What an envelope is about. Bound to it: it opens under no other name, kind or namespace. */
export interface EnvelopeContext {
  readonly namespace: string;
  /** `'marker'`: the proof that a store is there and has not been emptied. */
  readonly kind: 'record' | 'marker' | 'note';
  readonly id: string;
}

/** What an envelope keeps secret, and safe from change. */
export interface SealedContent {
  /** Grows with every write; shows an older envelope that was put back. */
  readonly revision: number;
  /** Milliseconds since 1970, of the clock that sealed it. */
  readonly sealedAt: number;
  /** From then on the content is not given out. */
  readonly expiresAt?: number;
  /** `null`: deleted. A deleted record stays as such, so that a missing row is never taken for one. */
  readonly value: unknown;
}

/** Twice the largest record, and its base64. */
const MAX_ENVELOPE_CHARS = 393_216;
/** The header parameter that binds the context. Critical: a reader that does not know it must refuse. */
const CONTEXT = 'mcp-tls';
const FORMAT = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals `content` as JWE compact (RFC 7516): `dir` with A256GCM, the key's id in `kid`, the context
 * in a critical header parameter that the encryption authenticates.
 *
 * @throws {StoreError} `MCP_TLS_STORE_UNAVAILABLE` if a key provider fails
 */
export async function seal(
  ring: KeyRing,
  context: EnvelopeContext,
  content: SealedContent,
): Promise<string> {
  return sealBy(await ring.writer(), context, content);
}

/** As {@link seal}, by a key at hand. */
export function sealBy(key: GcmKey, context: EnvelopeContext, content: SealedContent): string {
  const header = encode(JSON.stringify(headerOf(key.id, context)));
  const text = Buffer.from(JSON.stringify({ v: FORMAT, ...content }));
  const iv = randomBytes(IV_BYTES);
  const { ciphertext, tag } = key.encrypt(iv, authenticatedBy(header), text);
  // The empty part is the encrypted key, of which `dir` has none.
  return [header, '', ...[iv, ciphertext, tag].map(encode)].join('.');
}

/**
 * Opens an envelope that {@link seal} made for the same context, and nothing else: another algorithm,
 * header, context, encoding or length is refused before any key is used.
 *
 * @throws {StoreError} `MCP_TLS_STORE_TAMPERED`, `MCP_TLS_STORE_UNKNOWN_KEY`,
 *   `MCP_TLS_STORE_INVALID_RECORD`, `MCP_TLS_STORE_UNAVAILABLE`
 */
export async function open(
  ring: KeyRing,
  context: EnvelopeContext,
  envelope: unknown,
): Promise<SealedContent> {
  const { plaintext, keyId } = await decrypt(ring, context, envelope);
  return readContent(plaintext, context, keyId);
}

/** What {@link open} gives, with `null` for a deletion and nothing for any other value. */
export interface SealedSummary extends Omit<SealedContent, 'value'> {
  readonly value: null | undefined;
}

/** As {@link seal} writes it: the value stands last. */
const SUMMARY =
  /^\{"v":1,"revision":(\d{1,15}),"sealedAt":(\d{1,15})(?:,"expiresAt":(\d{1,15}))?,"value":(?:(null)\}$|\{)/;

/**
 * Opens an envelope as {@link open} does, and reads no more of it than a list needs: parsing a record takes
 * as long as decrypting it.
 *
 * @throws {StoreError} as {@link open}
 */
export async function openSummary(
  ring: KeyRing,
  context: EnvelopeContext,
  envelope: unknown,
): Promise<SealedSummary> {
  const { plaintext, keyId } = await decrypt(ring, context, envelope);
  const [, revision, sealedAt, expiresAt, deleted] =
    SUMMARY.exec(plaintext.toString('latin1', 0, MAX_SUMMARY)) ?? [];
  if (revision !== undefined) {
    return {
      revision: Number(revision),
      sealedAt: Number(sealedAt),
      ...(expiresAt === undefined ? {} : { expiresAt: Number(expiresAt) }),
      value: deleted === undefined ? undefined : null,
    };
  }
  const { value, ...rest } = readContent(plaintext, context, keyId);
  return { ...rest, value: value === null ? null : undefined };
}

/** Longer than anything that {@link SUMMARY} matches: then what it takes for the end is the end. */
const MAX_SUMMARY = 128;

async function decrypt(
  ring: KeyRing,
  context: EnvelopeContext,
  envelope: unknown,
): Promise<{ readonly plaintext: Buffer; readonly keyId: string }> {
  const { keyId, header, iv, ...sealed } = readFrame(envelope, context);
  const key = await ring.reader(keyId).catch((error) => withId(error, context.id));
  try {
    return { plaintext: key.decrypt(iv, authenticatedBy(header), sealed), keyId };
  } catch {
    // Without the cause: what failed where is nobody's business, and every reason means the same.
    return refuse(
      'MCP_TLS_STORE_TAMPERED',
      context,
      'was changed, or the key of this name is another one',
      keyId,
    );
  }
}

/** The key id in an envelope, not authenticated: for counting what a rewrap has to do. */
export function envelopeKeyId(envelope: string): string | undefined {
  return keyIdOf(decode(envelope.split('.', 1)[0] ?? ''));
}

function keyIdOf(header: Buffer): string | undefined {
  try {
    const { kid } = JSON.parse(header.toString('utf8'));
    // Not authenticated: of another form, it is none that a ring gave out.
    return typeof kid === 'string' && /^[\w.-]{1,4096}$/.test(kid) ? kid : undefined;
  } catch {
    return undefined;
  }
}

const KEY_ID = /^\{"alg":"dir","enc":"A256GCM","kid":"([\w.-]{1,4096})"/;

function headerOf(kid: string, { namespace, kind, id }: EnvelopeContext) {
  return {
    alg: 'dir',
    enc: 'A256GCM',
    kid,
    crit: [CONTEXT],
    [CONTEXT]: { v: FORMAT, ns: namespace, kind, id },
  };
}

/** What of an envelope is used once it is known to be of the one form that we write. */
interface Frame extends GcmSealed {
  /** Not authenticated yet. */
  readonly keyId: string;
  /** As it stands there. */
  readonly header: string;
  readonly iv: Buffer;
}

/**
 * Base64url has several spellings of one byte sequence, and JSON of one header. Only the one that we
 * write is taken, so that no byte of an envelope can be changed without being noticed.
 */
function readFrame(envelope: unknown, context: EnvelopeContext): Frame {
  if (typeof envelope !== 'string')
    return refuse('MCP_TLS_STORE_TAMPERED', context, 'is not a text');
  if (envelope.length > MAX_ENVELOPE_CHARS)
    return refuse('MCP_TLS_STORE_TAMPERED', context, 'is too long');
  // One more than there may be: enough to see that it is none.
  const parts = envelope.split('.', 6);
  if (parts.length !== 5) return refuse('MCP_TLS_STORE_TAMPERED', context, 'is not an envelope');
  const decoded = parts.map(decode);
  const canonical = decoded.every((bytes, i) => encode(bytes) === parts[i]);
  const [header, wrappedKey, iv, ciphertext, tag] = decoded;
  if (!header || !iv || !ciphertext || !tag || !canonical) {
    return refuse('MCP_TLS_STORE_TAMPERED', context, 'is not an envelope');
  }
  if (wrappedKey?.length !== 0) {
    return refuse('MCP_TLS_STORE_TAMPERED', context, 'is not an envelope');
  }
  if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES || ciphertext.length === 0) {
    return refuse('MCP_TLS_STORE_TAMPERED', context, 'has parts of the wrong length');
  }
  const text = header.toString('utf8');
  // Of the form that it has to have, which the comparison shows: no need to parse it.
  const keyId = KEY_ID.exec(text)?.[1] ?? keyIdOf(header);
  if (keyId === undefined)
    return refuse('MCP_TLS_STORE_TAMPERED', context, 'has no readable header');
  if (text !== JSON.stringify(headerOf(keyId, context))) {
    return refuse('MCP_TLS_STORE_TAMPERED', context, 'belongs to another record, store or format');
  }
  return { keyId, header: parts[0] as string, iv, ciphertext, tag };
}

function readContent(plaintext: Buffer, context: EnvelopeContext, keyId: string): SealedContent {
  const { v, ...content } = parseObject(plaintext);
  const known = ['revision', 'sealedAt', 'expiresAt', 'value'];
  const sound =
    v === FORMAT &&
    Object.keys(content).every((key) => known.includes(key)) &&
    Number.isSafeInteger(content.revision) &&
    Number.isSafeInteger(content.sealedAt) &&
    (content.expiresAt === undefined || Number.isSafeInteger(content.expiresAt)) &&
    content.value !== undefined;
  if (!sound)
    return refuse('MCP_TLS_STORE_INVALID_RECORD', context, 'has content of another format', keyId);
  return content;
}

function parseObject(json: Buffer): SealedContent & { readonly v?: unknown } {
  try {
    return { ...JSON.parse(json.toString('utf8')) };
  } catch {
    return {} as SealedContent;
  }
}

const decode = (text: string): Buffer => Buffer.from(text, 'base64url');

const encode = (content: string | Buffer): string =>
  (typeof content === 'string' ? Buffer.from(content) : content).toString('base64url');

/** RFC 7516 §5.1, step 14: the header as it stands in the envelope. */
const authenticatedBy = (header: string): Buffer => Buffer.from(header, 'ascii');

function refuse(
  code: 'MCP_TLS_STORE_TAMPERED' | 'MCP_TLS_STORE_INVALID_RECORD',
  { kind, id }: EnvelopeContext,
  message: string,
  keyId?: string,
): never {
  const subject = kind === 'marker' ? 'the marker of the store' : `the ${kind} '${id}'`;
  throw new StoreError(code, `${subject} ${message}`, {
    id: kind === 'marker' ? undefined : id,
    keyId,
  });
}

function withId(error: unknown, id: string): never {
  if (!(error instanceof StoreError) || error.keyId === undefined) throw error;
  const { code, message, keyId, cause } = error;
  throw new StoreError(code, `the record '${id}' is ${message}`, { id, keyId, cause });
}
