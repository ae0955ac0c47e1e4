import { dirname } from 'node:path';
import { invalidArgument } from '../assert.js';
import { fileOf } from '../connect/from-file.js';
import { readRegularFile, reasonOf } from '../connect/regular-file.js';
import type { TrustPolicy } from '../trust/trust-policy.js';
import {
  type RawTrustFile,
  readFrame,
  readServers,
  type TrustFileServer,
} from './trust-file-text.js';

/** What {@link readTrustFile} returns. */
export interface TrustFile {
  /** Absolute. */
  readonly path: string;
  /** In the order of the file. */
  readonly servers: readonly TrustFileServer[];
  /**
   * The trust for the server at a URL, by its origin, as `originFetch` asks for it: `null` is the default
   * roots, `undefined` that the file does not name the origin.
   */
  readonly trustFor: (url: string | URL) => TrustPolicy | null | undefined;
}

/**
 * Reads a trust file: the servers that an operator trusts, and by what, as `mcp-tls trust` writes it. Everything
 * in it is checked now, so that one wrong field is found here and not at a request. Paths in it are relative to
 * its folder, and what they lead to has to be below it, as `parseTrust` has it. {@link trustFileSchema} is its
 * JSON Schema.
 *
 * Whoever can write to the file says whom to trust. At most 8 MiB. It is read once: read it again after a change.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`. The messages name the field,
 *   and repeat nothing of what is in it
 * @example
 * const { trustFor } = readTrustFile('trust.json');
 * const fetch = originFetch((origin) => trustFor(origin));
 */
export function readTrustFile(path: string | URL): TrustFile {
  const file = fileOf('readTrustFile: path', path);
  const servers = readServers(readRawTrustFile(file), dirname(file));
  const byOrigin = new Map(servers.map(({ origin, trust }) => [origin, trust]));
  const trustFor = (url: string | URL) =>
    URL.canParse(String(url)) ? byOrigin.get(new URL(url).origin) : undefined;
  return Object.freeze({ path: file, servers: Object.freeze(servers), trustFor });
}

/** The frame of a file. */
export function readRawTrustFile(file: string): RawTrustFile {
  const named = JSON.stringify(file);
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file, 'followed');
  } catch (error) {
    return invalidArgument(`the trust file ${named} cannot be read (${reasonOf(error)})`);
  }
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) {
    invalidArgument(`the trust file ${named} is not UTF-8`);
  }
  return readFrame(text);
}
