import type { Addresses } from './addresses.js';
import type { PathKind, Paths } from './paths.js';

/**
 * OAuth over the bridge. A client sees one consistent resource, the bridge's; the server and its own authorization
 * server see theirs. What names another origin stays as it is.
 */

/** Fields of both documents that name an address of the server, and what is there. */
const NAMING: ReadonlyMap<string, PathKind | 'issuer' | undefined> = new Map<
  string,
  PathKind | 'issuer' | undefined
>([
  ['resource', undefined],
  ['authorization_servers', 'issuer'],
  ['issuer', 'issuer'],
  ['authorization_endpoint', 'authorize'],
  ['token_endpoint', 'oauth'],
  ['registration_endpoint', 'oauth'],
  ['revocation_endpoint', 'oauth'],
  ['introspection_endpoint', 'oauth'],
  ['pushed_authorization_request_endpoint', 'oauth'],
  ['device_authorization_endpoint', 'oauth'],
  ['userinfo_endpoint', 'oauth'],
  ['jwks_uri', 'oauth'],
]);

/**
 * A document with the bridge's addresses in the place of the server's. Endpoints that it names can be asked from
 * then on.
 *
 * @returns `undefined` for what is no document
 */
export function rewriteDocument(
  text: string,
  addresses: Addresses,
  paths: Paths,
): string | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return undefined;
  const fields = document as Record<string, unknown>;
  for (const [field, kind] of NAMING) {
    const value = fields[field];
    const rewrite = (one: unknown): unknown => {
      if (typeof one !== 'string') return one;
      const own = addresses.toBridge(one);
      if (own === undefined) return one;
      const { pathname } = new URL(one);
      if (kind === 'issuer') paths.nameIssuer(pathname);
      else if (kind !== undefined) paths.name(pathname, kind);
      return own;
    };
    if (typeof value === 'string') fields[field] = rewrite(value);
    else if (Array.isArray(value)) fields[field] = value.map(rewrite);
  }
  if (addresses.toUpstream(String(fields['issuer'])) !== fields['issuer']) {
    // The server names itself there, and a client would compare that with the issuer that it knows.
    delete fields['authorization_response_iss_parameter_supported'];
  }
  // Signed over the server's own addresses.
  delete fields['signed_metadata'];
  return JSON.stringify(fields);
}

/** The challenge of a 401 or 403, with the bridge's address of the document that it names. */
export function rewriteChallenge(value: string, addresses: Addresses, paths: Paths): string {
  return value.replace(
    /\b(resource_metadata\s*=\s*)("?)([^",\s]+)\2/gi,
    (whole, name: string, quote: string, url: string) => {
      const own = addresses.toBridge(url);
      if (own === undefined) return whole;
      paths.name(new URL(url).pathname, 'metadata');
      return `${name}${quote}${own}${quote}`;
    },
  );
}

/** The parameters of a request to the authorization server: the resource that is meant is the server's. */
export function rewriteParameters(text: string, addresses: Addresses): string {
  const parameters = new URLSearchParams(text);
  const resources = parameters.getAll('resource');
  if (resources.length === 0) return text;
  parameters.delete('resource');
  for (const one of resources) parameters.append('resource', addresses.toUpstream(one));
  return parameters.toString();
}
