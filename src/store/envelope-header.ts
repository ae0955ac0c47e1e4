import type { GcmKey } from './gcm-key.js';

/** What an envelope is about. Bound to it: it opens under no other name, kind or namespace. */
export interface EnvelopeContext {
  readonly namespace: string;
  /** `'marker'`: the proof that a store is there and has not been emptied. */
  readonly kind: 'record' | 'marker' | 'note';
  readonly id: string;
}

/** What the header of an envelope says of its content, for whoever does not open it. */
export interface HeaderState {
  /** That of the content. */
  readonly revision: number;
  /** Whether the content is a deletion. */
  readonly gone: boolean;
}

/** A header of the one form, for its context. Nothing in it is authenticated yet. */
export interface EnvelopeHeader {
  readonly keyId: string;
  /** Absent in envelopes that were sealed before there was one. */
  readonly state?: HeaderState & {
    /** What the code was made of, and the code. */
    readonly text: string;
    readonly code: string;
  };
}

/** The header parameter that binds the context. Critical: a reader that does not know it must refuse. */
const CONTEXT = 'mcp-tls';
export const FORMAT = 1;

const KEY_ID = /^\{"alg":"dir","enc":"A256GCM","kid":"([\w.-]{1,4096})"/;
const STATE_BEGINS = ',"rev":';
const STATE = /^,"rev":(-?\d{1,16}),"gone":(true|false),"mac":"([\w-]{22})"\}\}$/;

/** JSON of the header of an envelope. */
export function headerTextOf(key: GcmKey, context: EnvelopeContext, state: HeaderState): string {
  const text = textOf(key.id, context, state);
  return withCode(text, key.codeOf(text));
}

/**
 * Reads a header of the form that {@link headerTextOf} writes, without a spelling of its own.
 *
 * @returns the key's id alone, if it is of another form or context; `undefined`, if not even that can be read
 */
export function readHeader(
  text: string,
  context: EnvelopeContext,
): EnvelopeHeader | { readonly keyId: string; readonly isOther: true } | undefined {
  // Of the form that it has to have, which the comparison shows: no need to parse it.
  const keyId = KEY_ID.exec(text)?.[1] ?? keyIdOf(text);
  if (keyId === undefined) return undefined;
  // It stands last: not looked for at every character.
  const at = text.lastIndexOf(STATE_BEGINS);
  const [, revision, gone, code] = (at === -1 ? null : STATE.exec(text.slice(at))) ?? [];
  if (code === undefined) {
    return text === textOf(keyId, context) ? { keyId } : { keyId, isOther: true };
  }
  const state = { revision: Number(revision), gone: gone === 'true' };
  const signed = textOf(keyId, context, state);
  return text === withCode(signed, code)
    ? { keyId, state: { ...state, text: signed, code } }
    : { keyId, isOther: true };
}

/** The key id in any header. Not authenticated. */
export function keyIdOf(header: string): string | undefined {
  try {
    const { kid } = JSON.parse(header);
    // Of another form, it is none that a ring gave out.
    return typeof kid === 'string' && /^[\w.-]{1,4096}$/.test(kid) ? kid : undefined;
  } catch {
    return undefined;
  }
}

/** Key ids and namespaces have no character that JSON would write in another way. */
function textOf(
  kid: string,
  { namespace, kind, id }: EnvelopeContext,
  state?: HeaderState,
): string {
  const last = state === undefined ? '' : `,"rev":${state.revision},"gone":${state.gone}`;
  const place = `"v":${FORMAT},"ns":"${namespace}","kind":"${kind}","id":${JSON.stringify(id)}${last}`;
  return `{"alg":"dir","enc":"A256GCM","kid":"${kid}","crit":["${CONTEXT}"],"${CONTEXT}":{${place}}}`;
}

/** The same text with one member more, at its end. */
const withCode = (text: string, code: string): string => `${text.slice(0, -2)},"mac":"${code}"}}`;
