import type { AnyMcpTlsError } from './any-error.js';
import { brand, type ErrorName, hasBrand } from './brand.js';
import type { ErrorCode } from './codes.js';

/**
 * Control and format characters, which break lines, colour terminals and turn the direction of writing, and
 * lone surrogates, which are no text.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** `text` with everything that does not print written as `\u{...}`. */
export function plain<Text extends string | undefined>(text: Text): Text {
  return text?.replace(
    UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  ) as Text;
}

/** What every class hands to its base. */
export interface BaseDetails {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly refused: boolean;
  readonly retryable: boolean;
}

/** An error as plain data. Fields that the class does not have are absent. */
export interface ErrorJson {
  readonly name: ErrorName;
  readonly code: ErrorCode;
  readonly message: string;
  readonly refused: boolean;
  readonly retryable: boolean;
  readonly hint?: string;
  readonly host?: string;
  readonly port?: number;
  readonly expected?: string;
  readonly presented?: string;
  readonly detail?: string;
  readonly id?: string;
  readonly keyId?: string;
}

const JSON_FIELDS = [
  'name',
  'code',
  'message',
  'refused',
  'retryable',
  'hint',
  'host',
  'port',
  'expected',
  'presented',
  'detail',
  'id',
  'keyId',
] as const;

/**
 * Base of every error that mcp-tls throws on purpose. `code` says what happened; the message is for people.
 *
 * `instanceof` is right for errors of other copies of the package too: of the other module format, of
 * another entry, of another installed version. No message or property ever holds a PEM body, a private key,
 * a passphrase or a token, and no text that a peer chose reaches a terminal or a log line as anything but
 * itself.
 */
export abstract class McpTlsError extends Error {
  abstract readonly code: ErrorCode;
  /**
   * The connection, or the record, was refused for the sake of trust: **a person has to look**. Never
   * retry it, and never fall back to another transport or to plain `fetch`.
   */
  readonly refused: boolean;
  /** The same call may succeed later, without anybody's doing. Never true together with `refused`. */
  readonly retryable: boolean;
  /** One or two sentences for the operator: what to run or to set. */
  readonly hint: string | undefined;

  static override [Symbol.hasInstance](value: unknown): value is AnyMcpTlsError {
    return hasBrand(value);
  }

  constructor(name: ErrorName, message: string, details: BaseDetails) {
    super(plain(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.refused = details.refused;
    this.retryable = details.retryable && !details.refused;
    this.hint = plain(details.hint);
    brand(this, name);
  }

  /** Plain data for a log or an answer: message and hint included, the cause not. */
  toJSON(): ErrorJson {
    const fields = this as unknown as Readonly<Record<string, unknown>>;
    const given = JSON_FIELDS.map((field) => [field, fields[field]] as const);
    return Object.fromEntries(
      given.filter(([, value]) => value !== undefined),
    ) as unknown as ErrorJson;
  }
}
