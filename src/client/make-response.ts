import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './exchange.js';

/**
 * A response of the **global** class, whatever undici is behind it: the MCP SDK tests
 * `instanceof Response` to tell an OAuth error that it may act on (`client/auth.js`).
 *
 * `url` and `redirected` cannot be given to the constructor, so they are defined over it, and
 * `clone` passes them on.
 */
export function makeResponse(answer: Answer, url: URL, redirected: boolean): Response {
  const { status, statusText, body } = answer;
  const headers = makeHeaders(answer.headers);
  const init = { status, statusText: isReasonPhrase(statusText) ? statusText : '', headers };
  // Fetch Standard §5.5: the URL of a response has no fragment.
  const href = url.href.replace(/#.*$/, '');
  return withOrigin(new Response(body as ReadableStream | null, init), href, redirected);
}

function withOrigin(response: Response, url: string, redirected: boolean): Response {
  const clone = () => withOrigin(Response.prototype.clone.call(response), url, redirected);
  return Object.defineProperties(response, {
    url: { value: url },
    redirected: { value: redirected },
    clone: { value: clone },
  });
}

function makeHeaders(raw: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  return headers;
}

/** RFC 9112 §4, as the Response constructor demands it; servers send all sorts. */
function isReasonPhrase(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
