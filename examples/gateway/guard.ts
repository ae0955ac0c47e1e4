import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { ApiError } from './answer-error.js';

/** By these names a browser on this machine reaches it; any port, for a tunnel of ssh. */
const OWN_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Refuses what another site's page sends through the browser of somebody who sits here: requests that
 * came by another name (DNS rebinding), and requests whose page is of another origin. The token would
 * stop them too; neither has to be relied on alone.
 */
export const refuseForeign: RequestHandler = (request, _response, next) => {
  const { host = '', origin } = request.headers;
  if (!OWN_NAMES.has(host.replace(/:\d+$/, '').toLowerCase())) {
    throw new ApiError(421, 'this gateway is not known by that name: use 127.0.0.1 or localhost');
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new ApiError(403, 'this came from the page of another origin');
  }
  next();
};

/** Every route of the API asks for it, reading ones too: who talks to whom is nobody else's business. */
export function askToken(adminToken: string): RequestHandler {
  const expected = digest(adminToken);
  return (request, response, next) => {
    const [, given] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    // Digests are of equal length, so that the time of comparing reveals nothing.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next();
    response.set('WWW-Authenticate', 'Bearer');
    throw new ApiError(401, 'the admin token, please: Authorization: Bearer TOKEN');
  };
}

/** The page loads nothing from anywhere else, and nobody frames it. Its scripts cannot write HTML. */
export const safeHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-cache',
  });
  next();
};

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
