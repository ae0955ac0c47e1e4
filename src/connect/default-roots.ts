import { readFileSync } from 'node:fs';
// Not `* as`: webpack makes imports by name of that, and older lines of Node.js lack some.
import tls from 'node:tls';
import { TlsConfigError } from '../errors.js';

/**
 * A secure context that trusts `anchors` and Node.js's default roots, whichever those are: bundled,
 * `NODE_EXTRA_CA_CERTS`, OpenSSL's (`--use-openssl-ca`), the system's (`--use-system-ca`), or those that
 * the process has set (`tls.setDefaultCACertificates`).
 *
 * A list of the default roots in `ca` would not do: Node.js has none of OpenSSL's own store, and to parse
 * 150 roots takes 10 to 50 ms for each context. `SecureContext.context.addCACert` adds to the very store
 * that a context without `ca` uses (a copy of it, so that no other context sees it), in less than 1 ms.
 *
 * @param options without `ca`
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` where this runtime cannot combine them
 */
export function addToDefaultRoots(
  options: tls.SecureContextOptions,
  anchors: readonly string[],
): tls.SecureContext {
  const secureContext = tls.createSecureContext(options);
  const { context } = secureContext as { context?: { addCACert?(pem: string): void } };
  if (typeof context?.addCACert === 'function') {
    for (const pem of [...anchors, ...extraRoots]) context.addCACert(pem);
    return secureContext;
  }
  const listed = listedRoots();
  if (listed === undefined) {
    throw new TlsConfigError(
      'MCP_TLS_INVALID_ARGUMENT',
      'this runtime cannot add certificates to its default roots: leave out trust.roots, or trust.ca',
    );
  }
  return tls.createSecureContext({ ...options, ca: [...listed, ...anchors] });
}

/**
 * The roots of the operating system: of its store on Windows and macOS, and elsewhere of the files that OpenSSL is
 * built for, or that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Since 22.15 and 23.10.
 *
 * @throws {TlsConfigError} `MCP_TLS_UNSUPPORTED_RUNTIME`, also where the system has none
 */
export function rootsOfSystem(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] };
  if (getCACertificates === undefined) {
    throw new TlsConfigError(
      'MCP_TLS_UNSUPPORTED_RUNTIME',
      `this Node.js (${process.version}) does not give out the roots of the operating system, which trust.roots: 'system' asks for`,
      {
        hint: "Run Node.js 22.15 or later; or give them as a file: `ca: fromFile('/etc/ssl/certs/ca-certificates.crt'), authority: true`; or start Node.js with --use-openssl-ca and write roots: 'default'.",
      },
    );
  }
  const roots = getCACertificates('system');
  if (roots.length > 0) return roots;
  throw new TlsConfigError(
    'MCP_TLS_UNSUPPORTED_RUNTIME',
    "the operating system has no roots that Node.js can read, and trust.roots: 'system' asks for them",
    {
      hint: 'Install them: the package ca-certificates on most Linux systems and container images.',
    },
  );
}

/**
 * The default roots of this moment, where a process can change them: since 22.15 and 23.10. Not in the
 * types of Node 20.
 */
export function listedRoots(): readonly string[] | undefined {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return getCACertificates?.('default');
}

/**
 * On Node 20 the copy lacks the certificates of `NODE_EXTRA_CA_CERTS`. Read where this module is
 * loaded, as early as we can: what the variable or file becomes later is not what Node.js trusts.
 */
const extraRoots: readonly string[] = readExtraRoots();

function readExtraRoots(): readonly string[] {
  const path = process.env['NODE_EXTRA_CA_CERTS'];
  if (!path || listedRoots() !== undefined) return [];
  try {
    return [readFileSync(path, 'utf8')];
  } catch {
    // Node.js warns at start-up and goes on without; fewer roots is the safe side.
    return [];
  }
}
