import { invalidArgument } from '../assert.js';
import { type PlainPem, readCertificates } from '../certificate/pem.js';
import { readRevocationLists } from '../certificate/revocation-list.js';
import { TlsConfigError } from '../errors.js';
import { isObjectPrototype } from '../names-of.js';
import { type Declaration, declareOptions, readOptions, text } from '../options.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { TrustByCa, TrustPolicy } from '../trust/trust-policy.js';
import { BASE, MaterialFiles } from './material-files.js';

/** Options of {@link parseTrust}. */
export interface ParseTrustOptions {
  /**
   * The folder that `caFile` and the other paths are relative to, as a path or a `file:` URL. What a path leads
   * to has to be below it: absolute paths, `../` and symlinks that lead out are refused before anything is
   * opened (symlinks inside, as in the mounted secrets of Kubernetes, are followed). A file elsewhere the host
   * reads itself, and gives what is in it as `ca`.
   *
   * Without it no file and no environment variable is read: fields that name one are refused. Leave it out
   * where others than the operator write the configuration, as in a database column.
   */
  readonly base?: string | URL | undefined;
  /** What the field is called, for messages: `servers.weather.tls`. Default `tls`. */
  readonly name?: string | undefined;
}

const OPTIONS: Declaration<ParseTrustOptions> = declareOptions<ParseTrustOptions>(
  'parseTrust: options',
  { base: BASE, name: text() },
);

type Fields = Readonly<Record<string, unknown>>;

const FIELDS = [
  'ca',
  'caFile',
  'authority',
  'roots',
  'pins',
  'identity',
  'serverName',
  'allowExpired',
  'clientCertificate',
  'crl',
  'crlFile',
  'minVersion',
  'maxVersion',
  'groups',
];

const CLIENT_FIELDS = [
  'cert',
  'certFile',
  'key',
  'keyFile',
  'pfxFile',
  'passphrase',
  'passphraseEnv',
];

/** Names that other libraries have, and what they are here. */
const ELSEWHERE: Fields = {
  rejectUnauthorized: 'There is no switch that turns verification off: say whom to trust.',
  insecureSkipVerify: 'There is no switch that turns verification off: say whom to trust.',
  insecure: 'There is no switch that turns verification off: say whom to trust.',
  verify: 'There is no switch that turns verification off: say whom to trust.',
  fingerprint: "Write `{ identity: 'pin', pins: '...' }`.",
  pin: 'Write `pins`.',
  servername: 'Write `serverName`.',
  cert: 'Write `clientCertificate: { cert, key }`; the certificate of the server is `ca`.',
  key: 'Write `clientCertificate: { cert, key }`.',
  certFile: 'Write `clientCertificate: { certFile, keyFile }`; that of the server is `caFile`.',
  keyFile: 'Write `clientCertificate: { certFile, keyFile }`.',
  origins: 'It stands beside this field, and has one such object for each origin.',
  proxy: 'It stands beside this field.',
  timeout: 'It stands beside this field.',
};

/**
 * Reads a `tls` field of a host's own configuration or database column: JSON, or what zod and the like made
 * of it. Checks all of it, so that one wrong entry is found where it is entered, and names the field in every
 * message. {@link trustSchema} is its JSON Schema.
 *
 * `null` means the default roots; a text is certificates as PEM. Fields that are `undefined` or `null` (an
 * empty column, an optional key of zod) are not given. Beyond that nothing is forgiven: an unknown field, an
 * object that says nothing, `ca` beside `caFile`, a file that cannot be read or is not below `base`.
 *
 * Files are read now. To follow a rotation, parse again: `originFetch` knows what has changed.
 *
 * @returns what `trust` takes
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 * @example
 * const trust = parseTrust(config.servers.weather.tls, { base: configFolder, name: 'servers.weather.tls' });
 */
export function parseTrust(json: unknown, options: ParseTrustOptions = {}): TrustPolicy | null {
  const { base, name = 'tls' } = readOptions(OPTIONS, options);
  if (json === null) return null;
  if (json === undefined) {
    invalidArgument(`${name} is undefined`, 'Give null for the default roots.');
  }
  const files = new MaterialFiles(base as string | undefined);
  const fields = typeof json === 'string' ? { ca: json } : readFields(name, json, FIELDS);
  if (Object.keys(fields).length === 0) {
    invalidArgument(
      `${name} says nothing`,
      "Give null for the default roots, or ca, or roots: 'default', or identity: 'pin' with pins.",
    );
  }
  const policy = {
    ...without(fields, ['caFile', 'crlFile', 'clientCertificate']),
    ...material(name, 'ca', fields, files),
    ...material(name, 'crl', fields, files),
    ...clientCertificate(name, fields['clientCertificate'], files),
  } as unknown as TrustPolicy;
  check(name, policy);
  return policy;
}

/** The fields of an object that are given. Each is read once. */
function readFields(what: string, value: unknown, known: readonly string[]): Fields {
  if (!isPlain(value)) invalidArgument(`${what} must be an object`);
  const entries = Object.entries(value);
  // Another reader may see what this one does not.
  if (Reflect.ownKeys(value).length !== entries.length) {
    invalidArgument(`${what} has a hidden field or a symbol: it must be what JSON can hold`);
  }
  const unknown = entries.find(([field]) => !known.includes(field))?.[0];
  if (unknown !== undefined) {
    const hint = Object.hasOwn(ELSEWHERE, unknown) ? String(ELSEWHERE[unknown]) : undefined;
    const shown = JSON.stringify(unknown.slice(0, 64)).slice(1, -1);
    invalidArgument(
      `${what} has an unknown field '${shown}'`,
      hint ?? `It may have ${known.join(', ')}.`,
    );
  }
  return Object.fromEntries(entries.filter(([, field]) => field !== undefined && field !== null));
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || isObjectPrototype(prototype);
}

/** `field` or its file, of which there may be one. */
function material(
  what: string,
  field: string,
  fields: Fields,
  files: MaterialFiles,
): Readonly<Record<string, Material>> {
  const [text, paths] = [fields[field], fields[`${field}File`]];
  if (text !== undefined && paths !== undefined) {
    invalidArgument(`${what} has both ${field} and ${field}File: which one is to hold?`);
  }
  if (text !== undefined) {
    return { [field]: eachText(`${what}.${field}`, text, (one): string | Uint8Array => one) };
  }
  if (paths === undefined) return {};
  const name = `${what}.${field}File`;
  return { [field]: eachText(name, paths, (path) => files.read(name, path)) };
}

type Material = string | Uint8Array | readonly (string | Uint8Array)[];

/** One text as one, and a list as a list. */
function eachText<T>(what: string, value: unknown, read: (text: string) => T): T | readonly T[] {
  if (typeof value === 'string') return read(value);
  if (!Array.isArray(value) || value.length === 0 || value.some((one) => typeof one !== 'string')) {
    return invalidArgument(`${what} must be a text, or a list of at least one`);
  }
  return value.map(read);
}

function clientCertificate(name: string, value: unknown, files: MaterialFiles): Fields {
  if (value === undefined) return {};
  const what = `${name}.clientCertificate`;
  const fields = readFields(what, value, CLIENT_FIELDS);
  const { cert } = material(what, 'cert', fields, files);
  const { key } = material(what, 'key', fields, files);
  if (fields['pfxFile'] !== undefined) {
    if (cert !== undefined || key !== undefined) {
      invalidArgument(`${what} has pfxFile, and cert or key as well: which of them is meant?`);
    }
    return { clientCertificate: readPfxFile(what, fields, files) };
  }
  if (cert === undefined || key === undefined) {
    invalidArgument(`${what} needs both cert (or certFile) and key (or keyFile), or pfxFile`);
  }
  if (Array.isArray(key)) invalidArgument(`${what}.key must be a text`);
  const passphrase = readPassphrase(what, fields, files);
  const read = { cert, key, ...(passphrase === undefined ? {} : { passphrase }) };
  return { clientCertificate: read };
}

function readPfxFile(what: string, fields: Fields, files: MaterialFiles): Fields {
  const path = fields['pfxFile'];
  const name = `${what}.pfxFile`;
  if (typeof path !== 'string') return invalidArgument(`${name} must be a text`);
  const passphrase = readPassphrase(what, fields, files);
  return { pfx: files.read(name, path), ...(passphrase === undefined ? {} : { passphrase }) };
}

function readPassphrase(
  what: string,
  { passphrase, passphraseEnv }: Fields,
  files: MaterialFiles,
): string | undefined {
  if (passphrase !== undefined && passphraseEnv !== undefined) {
    invalidArgument(`${what} has both passphrase and passphraseEnv: which one is to hold?`);
  }
  for (const [field, value] of Object.entries({ passphrase, passphraseEnv })) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      invalidArgument(`${what}.${field} must be a text`);
    }
  }
  if (passphraseEnv === undefined) return passphrase as string | undefined;
  return files.readEnv(`${what}.passphraseEnv`, passphraseEnv as string);
}

/** By the one check that every policy goes through; what it says of `trust` is said of the field. */
function check(name: string, policy: TrustPolicy): void {
  const { ca, crl, clientCertificate } = policy as Partial<TrustByCa>;
  named(`${name}.ca`, () => ca !== undefined && readCertificates(ca as PlainPem));
  named(`${name}.crl`, () => crl !== undefined && readRevocationLists(crl as PlainPem));
  const cert = clientCertificate?.cert;
  named(
    `${name}.clientCertificate.cert`,
    () => cert !== undefined && readCertificates(cert as PlainPem),
  );
  try {
    checkTrustPolicy(policy, name);
  } catch (error) {
    if (!(error instanceof TlsConfigError)) throw error;
    const message = error.message.replaceAll(/^trust\b|\btrust(?=\.)/g, () => name);
    // What is wrong with a pin or a name does not say where it stands.
    const named = message.includes(name) ? message : `${name}: ${message}`;
    throw new TlsConfigError(error.code, named, { hint: error.hint });
  }
}

/** Certificates do not know which field they stand in, nor that a path could be given beside it. */
function named(field: string, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof TlsConfigError)) throw error;
    const hint = /looks like a path/.test(error.message)
      ? `Give a path as \`${field.split('.').at(-1)}File\`.`
      : error.hint;
    throw new TlsConfigError(error.code, `${field}: ${error.message}`, { hint });
  }
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}
