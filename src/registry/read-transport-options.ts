import { invalidArgument } from '../assert.js';
import { ROUTE_FIELDS } from '../connect/route.js';
import { plainCopy } from '../names-of.js';
import { isOptionsObject, refuse } from '../options.js';
import type { RegisteredLinkOptions } from './types.js';

/** Where nobody's trust hangs on it, an unset one is one that is left out. */
const MAY_BE_UNSET: readonly string[] = ['namedOrigins', ...Object.keys(ROUTE_FIELDS)];

export interface ReadTransportOptions<Options extends RegisteredLinkOptions> {
  readonly options: Omit<Options, 'endpoint'>;
  /** Where the transport goes, of a server that is registered with `registered`. */
  urlOf(registered: string): URL;
}

/**
 * What a transport of the server `id` is asked for with.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for options that the record decides
 */
export function readTransportOptions<Options extends RegisteredLinkOptions>(
  id: string,
  input: Options,
): ReadTransportOptions<Options> {
  if (!isOptionsObject(input)) return refuse('options', 'an object', input);
  const given = plainCopy(input) as Options;
  for (const field of ['clientFactory', 'trust', 'origins', ...MAY_BE_UNSET]) {
    const isLeftOut = given[field as keyof Options] === undefined && MAY_BE_UNSET.includes(field);
    if (field in given && !isLeftOut) {
      invalidArgument(`options.${field} cannot be set here: what is registered applies`);
    }
  }
  const { endpoint, ...options } = given;
  if (endpoint !== undefined && typeof endpoint !== 'string') {
    refuse('options.endpoint', 'a URL, or a path', endpoint);
  }
  return { options, urlOf: (registered) => endpointOf(id, registered, endpoint) };
}

function endpointOf(id: string, registered: string, endpoint: string | undefined): URL {
  const url = URL.canParse(endpoint ?? '', registered)
    ? new URL(endpoint ?? '', registered)
    : refuse('options.endpoint', 'a URL, or a path', endpoint);
  if (`${url.username}${url.password}` !== '') {
    invalidArgument('options.endpoint must have no credentials: give auth');
  }
  if (url.origin !== new URL(registered).origin) {
    invalidArgument(`options.endpoint must be of the origin that '${id}' is registered with`);
  }
  return url;
}
