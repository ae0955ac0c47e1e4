import { invalidArgument } from '../assert.js';

/**
 * The URL of a server.
 *
 * @param what whose option, for the message
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`; the message repeats nothing of the URL, whose query
 *   may be secret
 */
export function readHttpsUrl(what: string, input: string | URL): URL {
  const url = parse(input);
  if (url?.protocol === 'https:') return url;
  if (url?.protocol === 'http:') {
    invalidArgument(
      `${what}: must be an https: URL, not an http: one`,
      'Nothing is sent in the clear: use the https: URL of the server. For a server on this machine, use plain fetch.',
    );
  }
  if (lacksScheme(String(input))) {
    invalidArgument(
      `${what}: must be an https: URL, and has no scheme`,
      'Write https:// before it.',
    );
  }
  return invalidArgument(
    url === undefined ? `${what}: not a URL` : `${what}: must be an https: URL`,
  );
}

function parse(input: string | URL): URL | undefined {
  try {
    return new URL(input);
  } catch {
    return undefined;
  }
}

/** `localhost:8443/mcp` is a URL whose scheme is `localhost:`. */
function lacksScheme(input: string): boolean {
  return /^[\w.-]+(:\d+)?([/?#]|$)|^\[[\da-f:.]+\](:\d+)?([/?#]|$)/i.test(input.trim());
}
