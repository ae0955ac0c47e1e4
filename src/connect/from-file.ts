import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invalidArgument } from '../assert.js';
import { refuse } from '../options.js';
import { type FileSource, SOURCE, type Source } from '../trust/source.js';
import { asMaterial, readRegularFile, reasonOf } from './regular-file.js';

const MUST = 'the path or file: URL of a file';

/**
 * A file as a source of trust material: in the place of certificates (`ca`), revocation lists (`crl`), and of the
 * certificate and key, or PKCS #12 file, of `clientCertificate`.
 *
 * It is read when a factory or a transport is made, where it cannot be read that throws, and again whenever it
 * changes: replaced by rename, by the swap of a symlink (mounted secrets of Kubernetes), or written in place. What
 * changed is used within 0.2 s after the last write, by all new connections. Connections that rest on what was
 * taken away are ended; the others stay until their requests have ended.
 *
 * While a file is missing, unreadable, empty, half written, or a certificate and a key do not fit each other, what
 * was read last stays in use, and `mcp-tls:source-failed` (`onDiagnostic`) or a process warning reports it.
 *
 * Whoever can write to the file, or replace it, says whom to trust. Symlinks are followed. At most 8 MiB.
 *
 * @param path relative to the working directory of this moment
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for what is no path; nothing is read here
 * @example
 * const factory = makeCustomClientFactory({
 *   ca: fromFile('/etc/mcp/tls/ca.crt'),
 *   clientCertificate: { cert: fromFile('/etc/mcp/tls/tls.crt'), key: fromFile('/etc/mcp/tls/tls.key') },
 * });
 */
export function fromFile(path: string | URL): FileSource {
  const absolute = fileOf('fromFile: path', path);
  const source: Source = Object.freeze({
    path: absolute,
    key: `file ${absolute}`,
    read: () => readSource(absolute),
  });
  // Not enumerable: what looks like an object of options shows none.
  const made = Object.defineProperty({}, SOURCE, { value: source });
  return Object.freeze(made) as unknown as FileSource;
}

/**
 * A path that was given to be read, absolute. What looks like a certificate or key is not shown.
 *
 * @param whose the function and the parameter, for the message
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function fileOf(whose: string, given: string | URL): string {
  let path: unknown = given;
  if (holdsMaterial(`${given}`)) {
    invalidArgument(`${whose} holds a certificate or key`, 'Give the text itself: `ca: text`.');
  }
  try {
    if (given instanceof URL || (typeof given === 'string' && given.startsWith('file:'))) {
      path = fileURLToPath(given);
    }
  } catch {
    refuse(whose, MUST, given);
  }
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    refuse(whose, MUST, given);
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) refuse(whose, MUST, given);
  return resolve(path);
}

/** What environment variables hold that are taken for a path, with or without the lines around it: it would be shown. */
function holdsMaterial(text: string): boolean {
  if (/-----BEGIN /.test(text)) return true;
  const base64 = text.replace(/^file:(?:\/\/)?/, '').replace(/\s|%0[AD]/gi, '');
  if (!/^M[A-P][A-Za-z0-9+/_-]{38,}={0,2}$/.test(base64)) return false;
  // DER: a SEQUENCE whose length has bytes of its own, or that is as long as it says.
  const der = Buffer.from(base64, 'base64');
  const [, length = 0] = der;
  return length >= 0x81 || der.length === length + 2;
}

/** The path is shown: the operator gave it, and has to know which file it is. */
function readSource(path: string): string | Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(path, 'followed');
  } catch (error) {
    return invalidArgument(`the file ${JSON.stringify(path)} cannot be read (${reasonOf(error)})`);
  }
  if (bytes.length === 0) invalidArgument(`the file ${JSON.stringify(path)} is empty`);
  return asMaterial(bytes);
}
