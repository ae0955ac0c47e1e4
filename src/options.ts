/**
 * The one reader of options. Every options object of this package has a {@link Declaration}: its fields,
 * what each must be, and what `undefined` means there. The compiler holds it against the object's
 * interface, so a field cannot be added to one and forgotten in the other.
 *
 * An error says whose option it is, what it must be, and of what type it was. It never repeats a value:
 * that may be a secret, in the wrong place.
 */

import { invalidArgument, isValidDate } from './assert.js';
import { isSignal, withoutListenerLimit } from './caller-signal.js';
import { namesOf } from './names-of.js';
import { type AnyDeclaration, type Surroundings, whereItBelongs } from './unknown-option.js';

/** What one option must be. Made by the functions below. */
export interface Kind<Value> {
  /** Completes the sentence "x must be ...". */
  readonly must: string;
  /**
   * What holds where the option is `undefined`.
   * - `'absent'`: as if it were left out. For conveniences, whose default is safe.
   * - `'refused'`: it may be left out, and an `undefined` is an unset variable. For whatever says whom to
   *   trust, whom to expect, who we are.
   * - `'missing'`: it may not be left out either.
   */
  readonly whenUndefined: 'absent' | 'refused' | 'missing';
  /** Checks a value that is there, and gives what is used from then on. */
  readonly read: (value: unknown, whose: string, around: Surroundings) => Value;
  /** What to do where it is missing or `undefined`. */
  readonly hint?: string;
  /** What stands inside, for those who look for a name one level too high. */
  readonly inside?: AnyDeclaration;
  /** Holds the declaration against the interface: of this very type, not a wider or narrower one. */
  readonly is?: (value: Value) => Value;
}

type Names<Options> = Options extends unknown ? keyof Options : never;
type Of<Options, Name> = Options extends unknown
  ? Name extends keyof Options
    ? Options[Name]
    : never
  : never;

/** One {@link Kind} for each field of an interface, or of all members of a union. */
export type Fields<Options> = {
  readonly [Name in Names<Options>]-?: Kind<Exclude<Of<Options, Name>, undefined>>;
};

/** All that is known of one options object. */
export interface Declaration<Options> {
  /** How messages call the object: the function and the parameter. */
  readonly whose: string;
  readonly fields: Fields<Options>;
  /** Names of others that are tried here, with where they belong or what to do instead. */
  readonly elsewhere: Readonly<Record<string, string>>;
  /** Other parameters of the same function, by name: what belongs in there is not unknown. */
  readonly beside: Readonly<Record<string, AnyDeclaration>>;
}

/** Declares an options object. */
export function declareOptions<Options>(
  whose: string,
  fields: Fields<Options>,
  more: Partial<Pick<Declaration<Options>, 'elsewhere' | 'beside'>> = {},
): Declaration<Options> {
  return Object.freeze({ elsewhere: {}, beside: {}, ...more, whose, fields });
}

/**
 * Reads an options object by its declaration. Reads each field once, and gives a copy: what was checked is
 * what is used, whatever becomes of the object. Fields that are `undefined` are not in it. A field may be
 * inherited or not enumerable, as an accessor of a class is; so may an unknown one, which is refused.
 *
 * @param whose instead of the declaration's, where the object stands in another
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readOptions<Options extends object>(
  declaration: Declaration<Options>,
  input: unknown,
  whose: string = declaration.whose,
  around: Surroundings = [],
): Options {
  if (!isOptionsObject(input)) {
    invalidArgument(`${whose} must be an object; received ${typeOf(input)}`);
  }
  const fields = declaration.fields as Readonly<Record<string, Kind<unknown>>>;
  for (const name of namesOf(input)) {
    if (!Object.hasOwn(fields, name)) {
      const hint = whereItBelongs(name, declaration as AnyDeclaration, around);
      invalidArgument(`${whose} has an unknown field '${name.slice(0, 64)}'${hint}`);
    }
  }
  const nested = [{ name: whose, fields }, ...around];
  const read: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const kind = fields[name] as Kind<unknown>;
    const isThere = name in input;
    const value = input[name];
    if (value !== undefined) read[name] = kind.read(value, `${whose}.${name}`, nested);
    else if (kind.whenUndefined !== 'absent') refuseUndefined(`${whose}.${name}`, kind, isThere);
  }
  return read as Options;
}

/**
 * Any object of one's own making, those with a class included. A Map, a URL, or a promise that nobody has
 * awaited would be read as an object without fields.
 */
export function isOptionsObject(input: unknown): input is Record<string, unknown> {
  return Object.prototype.toString.call(input) === '[object Object]';
}

/** Of what is not `'absent'` then. */
function refuseUndefined(whose: string, kind: Kind<unknown>, isThere: boolean): void {
  if (isThere) {
    const way = kind.whenUndefined === 'missing' ? 'set it' : 'leave it out or set it';
    invalidArgument(`${whose} is undefined: ${way}; it must be ${kind.must}`, kind.hint);
  }
  if (kind.whenUndefined === 'missing') {
    invalidArgument(`${whose} is missing: it must be ${kind.must}`, kind.hint);
  }
}

/** Says what a value is, and nothing of what it holds. */
export function typeOf(value: unknown): string {
  try {
    return typeOfReadable(value);
  } catch {
    // Of a Proxy that was revoked, nothing can be asked.
    return 'an object';
  }
}

function typeOfReadable(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value instanceof Date) return isValidDate(value) ? 'a Date' : 'an invalid Date';
  if (ArrayBuffer.isView(value)) return 'bytes';
  const type = typeof value;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (type === 'object' && /^(Map|Set|Promise|URL|RegExp|Error)$/.test(tag)) {
    return `${/^[AEIOU]/.test(tag) && tag !== 'URL' ? 'an' : 'a'} ${tag}`;
  }
  return type === 'object' ? 'an object' : `a ${type}`;
}

/** Throws `MCP_TLS_INVALID_ARGUMENT` in the one form. */
export function refuse(whose: string, must: string, value: unknown, received?: string): never {
  invalidArgument(`${whose} must be ${must}; received ${received ?? typeOf(value)}`);
}

export type { Surroundings };

// ───────── Kinds ─────────

/** Any value that passes `test`. */
export function custom<Value>(must: string, test: (value: unknown) => boolean): Kind<Value> {
  return {
    must,
    whenUndefined: 'absent',
    read: (value, whose) => (test(value) ? (value as Value) : refuse(whose, must, value)),
  };
}

/**
 * Whatever `read` makes of it: it throws an error of its own, or gives what is used from then on.
 *
 * @param inside what may stand in there, where that is an object
 */
export function readBy<Value>(
  must: string,
  read: (value: unknown, whose: string, around: Surroundings) => Value,
  inside?: AnyDeclaration,
): Kind<Value> {
  return { must, whenUndefined: 'absent', read, ...(inside && { inside }) };
}

/** Somebody else checks it: the SDK, or the function that it is handed to. `null` is a value. */
export function passedOn<Value>(must: string, inside?: AnyDeclaration): Kind<Value> {
  return readBy(must, (value) => value as Value, inside);
}

const MAX_MS = 2 ** 31 - 1;

/** A duration. Node.js's timers end at 2^31 - 1, and take more for 1 ms. */
export function ms({ min = 0 }: { readonly min?: 0 | 1 } = {}): Kind<number> {
  const from = min === 0 ? '0 (no limit)' : '1';
  return numeric(
    `a number of milliseconds from ${from} to ${MAX_MS}`,
    (value) => Number.isFinite(value) && value >= min && value <= MAX_MS,
  );
}

/** A whole number from `min` to `max`. */
export function count(min: number, max: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`;
  return numeric(
    `a whole number from ${min}${upTo}`,
    (value) => Number.isSafeInteger(value) && value >= min && value <= max,
  );
}

/** Of a number that should be one, the value may be shown. */
function numeric(must: string, test: (value: number) => boolean): Kind<number> {
  return {
    must,
    whenUndefined: 'absent',
    read(value, whose) {
      if (typeof value === 'number' && test(value)) return value;
      return refuse(whose, must, value, typeof value === 'number' ? String(value) : undefined);
    },
  };
}

export function flag(): Kind<boolean> {
  return custom('true or false', (value) => typeof value === 'boolean');
}

export function oneOf<const Value extends string | number | boolean>(
  ...values: readonly Value[]
): Kind<Value> {
  const list = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const must = list.length === 1 ? (list[0] as string) : `one of ${list.join(', ')}`;
  return custom(must, (value) => values.includes(value as Value));
}

/** A text that says something. */
export function text(must = 'a non-empty string'): Kind<string> {
  return custom(must, (value) => typeof value === 'string' && value !== '');
}

/** Any text, also none. */
export function anyText(): Kind<string> {
  return custom('a string', (value) => typeof value === 'string');
}

/** A function, of whatever signature: what it returns is checked when it is called. */
// biome-ignore lint/suspicious/noExplicitAny: the parameters of any function.
export function func<Value extends (...args: any[]) => unknown>(must = 'a function'): Kind<Value> {
  return custom(must, (value) => typeof value === 'function');
}

export function date(): Kind<Date> {
  return custom('a valid Date', isValidDate);
}

/** One that may be given to many calls at once. */
export function signal(): Kind<AbortSignal> {
  const must = 'an AbortSignal';
  return readBy(must, (value, whose) => {
    if (!isSignal(value)) return refuse(whose, must, value);
    withoutListenerLimit(value);
    return value;
  });
}

/** A list, copied, of which each item is checked. */
export function list<Value>(item: Kind<Value>): Kind<readonly Value[]> {
  const must = `a list, each item ${item.must}`;
  return readBy<readonly Value[]>(must, (value, whose) => {
    if (!Array.isArray(value)) return refuse(whose, must, value);
    return value.map((one, i) =>
      one === undefined
        ? refuse(`${whose}[${i}]`, item.must, one)
        : item.read(one, `${whose}[${i}]`, []),
    );
  });
}

/** An options object within another. */
export function nested<Value extends object>(declaration: Declaration<Value>): Kind<Value> {
  return {
    must: 'an object',
    whenUndefined: 'absent',
    read: (value, whose, around) => readOptions(declaration, value, whose, around),
    inside: declaration as unknown as AnyDeclaration,
  };
}

/** `null` is a value: for what can be taken away. */
export function nullable<Value>(kind: Kind<Value>): Kind<Value | null> {
  const must = `${kind.must}, or null`;
  return {
    ...(kind as unknown as Kind<Value | null>),
    must,
    read: (value, whose, around) => (value === null ? null : kind.read(value, whose, around)),
  };
}

/** It may be left out, and may not be `undefined`. See {@link Kind.whenUndefined}. */
export function given<Value>(kind: Kind<Value>): Kind<Value> {
  return { ...kind, whenUndefined: 'refused' };
}

/** It may not be left out. */
export function required<Value>(kind: Kind<Value>): Kind<Value> {
  return { ...kind, whenUndefined: 'missing' };
}
