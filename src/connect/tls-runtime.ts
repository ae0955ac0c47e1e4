import * as tls from 'node:tls';
import { TlsConfigError } from '../errors.js';

/**
 * Runtimes whose `node:tls` is not Node.js's. Measured with the battery of `mcp-tls/testing`: under Deno 2.9.6
 * eight of its attacks are accepted (a common name counts as a name, revocation lists and the limits that a CA
 * sets are passed over), without an error.
 */
const OTHERS = { deno: 'Deno', bun: 'Bun' } as const;

/**
 * Refuses to make connections where what makes them safe is not there. What needs no connection works:
 * descriptions of certificates, stores.
 *
 * @throws {TlsConfigError} `MCP_TLS_UNSUPPORTED_RUNTIME`
 */
export function assertTlsRuntime(): void {
  reason ??= { found: whyNot() };
  if (reason.found === undefined) return;
  const hint = 'Run what connects under Node.js, for instance in a process of its own.';
  throw new TlsConfigError('MCP_TLS_UNSUPPORTED_RUNTIME', reason.found, { hint });
}

/**
 * Whether this process offers a post-quantum group unless it is told which groups to offer: with OpenSSL 3.5 and later
 * (seen in Node.js 22.23, 24.21 and 26.10, and not in 20.20). One that has chosen groups of its own (`tls.DEFAULT_ECDH_CURVE`) keeps to them.
 */
export function nodeOffersPostQuantum(): boolean {
  return HAS_POST_QUANTUM && tls.DEFAULT_ECDH_CURVE === 'auto';
}

const [major = 0, minor = 0] = (process.versions.openssl ?? '').split('.').map(Number);
const HAS_POST_QUANTUM = major > 3 || (major === 3 && minor >= 5);

let reason: { readonly found: string | undefined } | undefined;

function whyNot(): string | undefined {
  for (const [key, name] of Object.entries(OTHERS)) {
    if (process.versions[key] !== undefined) {
      return `${name} cannot verify certificates as Node.js does, and mcp-tls makes no connections under it`;
    }
  }
  try {
    tls.createSecureContext({ ca: [], ciphers: 'DEFAULT:@SECLEVEL=2' });
    return undefined;
  } catch {
    // BoringSSL, as in Electron.
    return 'the TLS library of this runtime is not OpenSSL, and has no security levels: mcp-tls makes no connections with it';
  }
}
