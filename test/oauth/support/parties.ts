import { readFileSync } from 'node:fs';
import { heldCertificate, startTlsServer, type TlsServer } from '../../../src/testing/index.js';
import type { Seen } from './world.js';

/**
 * Who there is, each an origin of its own:
 * - `mcp`: the MCP server, which a person approved;
 * - `as`: its authorization server, which holds what the client has stored;
 * - `evil`: an authorization server of whoever runs the MCP server;
 * - `internal`: a service of the client's own network, which gives a token to anybody inside;
 * - `elsewhere`: where redirects lead;
 * - `meta`: a host of metadata.
 */
export const PARTY_NAMES = ['mcp', 'as', 'evil', 'internal', 'elsewhere', 'meta'] as const;
export type PartyName = (typeof PARTY_NAMES)[number];

/** An origin of its own: a name, a certificate, and what it was asked. */
export interface Party {
  readonly name: string;
  readonly origin: string;
  readonly pem: string;
  readonly server: TlsServer;
  readonly seen: Seen[];
}

type Handler = Parameters<typeof startTlsServer>[0]['onRequest'];

/** @param handler of each, which adds to its `seen` */
export async function startParties(
  handler: (name: PartyName, seen: Seen[]) => Handler,
): Promise<Readonly<Record<PartyName, Party>>> {
  const started = await Promise.all(
    PARTY_NAMES.map(async (which) => {
      const name = `${which}.test`;
      const certificate = await certificateOf(name);
      const seen: Seen[] = [];
      const onRequest = handler(which, seen);
      const server = await startTlsServer({ certificate, ...(onRequest && { onRequest }) });
      return [which, { name, origin: server.urlFor(name), pem: certificate.cert, server, seen }];
    }),
  );
  return Object.fromEntries(started) as Record<PartyName, Party>;
}

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Names a file of certificates that one CA signed, which is among the extra CAs of the process. */
export const COMPANY = 'MCP_TLS_TEST_COMPANY';

/** Makes them. */
export async function companyCertificates(): Promise<{ ca: string; json: string }> {
  const ca = await heldCertificate({ isCa: true, commonName: 'company CA' });
  const made: Record<string, Certificate> = {};
  for (const which of PARTY_NAMES) {
    const { pem, keyPem } = await heldCertificate({ dns: [`${which}.test`], signedBy: ca });
    made[`${which}.test`] = { cert: pem, key: keyPem };
  }
  return { ca: ca.pem, json: JSON.stringify(made) };
}

const kept = new Map<string, Promise<Certificate>>();

function certificateOf(name: string): Promise<Certificate> {
  const present = kept.get(name) ?? makeCertificate(name);
  kept.set(name, present);
  return present;
}

async function makeCertificate(name: string): Promise<Certificate> {
  const company = process.env[COMPANY];
  if (company !== undefined) return JSON.parse(readFileSync(company, 'utf8'))[name];
  const { pem, keyPem } = await heldCertificate({ dns: [name] });
  return { cert: pem, key: keyPem };
}
