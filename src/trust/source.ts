import { invalidArgument } from '../assert.js';
import { isPlainPem, type PlainPem } from '../certificate/pem.js';

/** By this a source is known, in every entry and build of the package. The number is that of its form. */
export const SOURCE: unique symbol = Symbol.for('mcp-tls.source/1');

declare const fileSource: unique symbol;

/**
 * A file that is read at once, and again whenever it changes: rotated by cert-manager, Vault agent, step-ca,
 * SPIRE, certbot or a mounted secret of Kubernetes. Made by `fromFile`. Opaque.
 */
export interface FileSource {
  readonly [fileSource]: true;
}

/** A function that gives what holds now. It is asked often, and answers at once from what it has. */
export type MaterialFunction = () => string | Uint8Array;

/** Bytes or text, fixed or from a source. */
export type Material = string | Uint8Array | FileSource | MaterialFunction;

/**
 * One or more certificates or revocation lists: PEM as text or bytes, DER as bytes, a file (`fromFile`), a
 * function that gives what holds now, or a list of these.
 */
export type PemInput = Material | readonly Material[];

/** Where material comes from that may change. */
export interface Source {
  /** Absolute; `undefined` of a function. */
  readonly path: string | undefined;
  /** What distinguishes it from others. */
  readonly key: string;
  /** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
  read(): string | Uint8Array;
}

/** The source that `value` is, if it is one. */
export function sourceOf(value: unknown): Source | undefined {
  if (typeof value === 'function') return functionSource(value as MaterialFunction);
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { readonly [SOURCE]?: Source })[SOURCE];
}

export function isMaterial(value: unknown): value is Material {
  return typeof value === 'string' || value instanceof Uint8Array || sourceOf(value) !== undefined;
}

export function isPemInput(value: unknown): value is PemInput {
  if (Array.isArray(value)) return value.every(isMaterial);
  return isPlainPem(value) || sourceOf(value) !== undefined;
}

/** Of what may be a list, each that is a source. */
export function sourcesIn(value: unknown): readonly Source[] {
  const all = Array.isArray(value) ? value : [value];
  return all.map(sourceOf).filter((one) => one !== undefined);
}

/** A source, and the field of a policy that names it. */
export type NamedSource = readonly [field: string, source: Source];

/** The sources that a field names. */
export function namedSources(field: string, value: unknown): readonly NamedSource[] {
  return sourcesIn(value).map((source) => [field, source] as const);
}

/** What it is now: sources are read. */
export function readMaterial(value: PemInput): PlainPem {
  if (Array.isArray(value)) return value.map((one) => readOne(one as Material));
  return readOne(value as Material);
}

export function readOne(value: Material): string | Uint8Array {
  const source = sourceOf(value);
  return source === undefined ? (value as string | Uint8Array) : source.read();
}

/** Fixed parts as they are now: whoever holds the bytes may write into them. Sources stay as they are. */
export function fixed<T>(value: T): T {
  if (value instanceof Uint8Array) return Uint8Array.from(value) as T;
  if (Array.isArray(value)) return value.map(fixed) as T;
  return value;
}

let functions = 0;
const known = new WeakMap<MaterialFunction, Source>();

function functionSource(ask: MaterialFunction): Source {
  const present = known.get(ask);
  if (present !== undefined) return present;
  functions += 1;
  const made = { path: undefined, key: `function ${functions}`, read: () => readFunction(ask) };
  known.set(ask, made);
  return made;
}

/** Without the error as the cause: it is the host application's own, and may hold what it was reading. */
function readFunction(ask: MaterialFunction): string | Uint8Array {
  let given: unknown;
  let isPromise = false;
  try {
    given = ask();
    isPromise = wasPromise(given);
  } catch {
    invalidArgument('a function of the policy that gives certificates or keys threw');
  }
  if (isPromise) {
    invalidArgument(
      'a function of the policy that gives certificates or keys must answer at once: it gave a promise',
      'Hold the current value in a variable, and return that.',
    );
  }
  if ((typeof given !== 'string' && !(given instanceof Uint8Array)) || given.length === 0) {
    invalidArgument('a function of the policy must give certificates or keys, and gave none');
  }
  return given;
}

function wasPromise(value: unknown): boolean {
  const promise = value as Partial<PromiseLike<unknown>> | null | undefined;
  if (typeof promise?.then !== 'function') return false;
  // Whatever it comes to: nobody waits for it.
  promise.then(
    () => {},
    () => {},
  );
  return true;
}
