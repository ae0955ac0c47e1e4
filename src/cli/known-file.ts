import { existsSync } from 'node:fs';
import { invalidArgument } from '../assert.js';
import { readRegularFile } from '../connect/regular-file.js';
import type { PeerCertificate } from '../core.js';
import { formatError } from '../format-error.js';
import {
  custom,
  type Declaration,
  declareOptions,
  oneOf,
  readOptions,
  required,
  text,
} from '../options.js';
import { changeJsonFile } from '../trust-file/change-json-file.js';
import type { Io } from './command.js';
import { Screen } from './screen.js';

/** What a server presented when it was approved. For people to compare: nothing is trusted by it. */
export interface KnownServer {
  readonly origin: string;
  readonly fingerprint: string;
  readonly spkiPin: string;
  readonly subject: string;
  readonly issuer: string;
  /** ISO 8601, as are the following. */
  readonly notAfter: string;
  readonly approvedAt: string;
  /** By a fingerprint that the operator had, by a certificate of theirs, or by the default roots. */
  readonly approvedBy: 'fingerprint' | 'ca' | 'roots';
}

const anyText = () => required(custom<string>('a text', (value) => typeof value === 'string'));

const SERVER: Declaration<KnownServer> = declareOptions<KnownServer>('known servers: each', {
  origin: required(text()),
  fingerprint: required(text()),
  spkiPin: required(text()),
  subject: anyText(),
  issuer: anyText(),
  notAfter: anyText(),
  approvedAt: anyText(),
  approvedBy: required(oneOf('fingerprint', 'ca', 'roots')),
});

/** Beside the trust file: `trust.json` has `trust.known.json`. */
function knownFileOf(trustFile: string): string {
  return `${trustFile.replace(/\.json$/, '')}.known.json`;
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` if it is there and cannot be read */
export function readKnown(trustFile: string): ReadonlyMap<string, KnownServer> {
  const file = knownFileOf(trustFile);
  if (!existsSync(file)) return new Map();
  try {
    const { servers } = JSON.parse(readRegularFile(file, 'followed').toString('utf8'));
    const all = Object.entries(servers as Record<string, unknown>);
    return new Map(all.map(([name, server]) => [name, readOptions(SERVER, server)]));
  } catch {
    return invalidArgument(
      `the file ${JSON.stringify(file)} is not what mcp-tls writes`,
      'Nothing is trusted by it: remove it, and what was approved is no longer shown.',
    );
  }
}

/**
 * Adds what was approved, or (`undefined`) removes it, after the trust file was written. That holds: where this cannot
 * be written too, it is said, and is no failure.
 */
export async function remember(
  io: Io,
  trustFile: string,
  changes: Readonly<Record<string, KnownServer | undefined>>,
): Promise<void> {
  try {
    await changeKnown(trustFile, changes);
  } catch (error) {
    const screen = new Screen(io, io.stderr);
    screen.text(
      'note: the trust file was written; what was approved could not be noted beside it:',
    );
    screen.text(formatError(error));
  }
}

function changeKnown(
  trustFile: string,
  changes: Readonly<Record<string, KnownServer | undefined>>,
): Promise<void> {
  return changeJsonFile(knownFileOf(trustFile), () => {
    const known = new Map(readKnown(trustFile));
    for (const [name, server] of Object.entries(changes)) {
      if (server === undefined) known.delete(name);
      else known.set(name, server);
    }
    return { version: 1, servers: Object.fromEntries(known) };
  });
}

/** What to remember of a server that was approved now. */
export function knownServer(
  origin: string,
  { description }: PeerCertificate,
  approvedBy: KnownServer['approvedBy'],
): KnownServer {
  const { fingerprint, spkiPin, subject, issuer, notAfter } = description;
  return {
    ...{ origin, fingerprint, spkiPin, subject, issuer },
    notAfter: Number.isNaN(notAfter.getTime()) ? '' : notAfter.toISOString(),
    approvedAt: new Date().toISOString(),
    approvedBy,
  };
}
