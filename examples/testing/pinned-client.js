import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, DEFAULT_CIPHERS } from 'node:tls';
import { Agent, buildConnector, fetch } from 'undici';

/**
 * A `fetch` for one server, which trusts the given certificates and nothing else: a client as
 * projects have it, over undici. What looks fussy is there because the battery caught it missing.
 *
 * @param {object} policy
 * @param {string} policy.url the server
 * @param {string | Uint8Array | readonly (string | Uint8Array)[]} policy.ca PEM or DER
 */
export function makePinnedFetch({ url, ca }) {
  const { origin, protocol } = new URL(url);
  if (protocol !== 'https:') throw new TypeError('only https: URLs');
  const connect = buildConnector({
    secureContext: createSecureContext({
      ca: readCertificates(ca),
      // An intermediate, or the server's own certificate, is enough to trust.
      allowPartialTrustChain: true,
      minVersion: 'TLSv1.2',
      // Node.js 20 would take RSA keys of 1024 bits.
      ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=2`,
    }),
    // Said outright, or NODE_TLS_REJECT_UNAUTHORIZED would decide.
    rejectUnauthorized: true,
    // A resumed session shows no certificate that could be looked at.
    maxCachedSessions: 0,
  });
  const agent = new Agent({
    connect(options, callback) {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      // Not from the Host header, which undici would take.
      connect({ ...options, servername: isIP(host) ? '' : host }, (error, socket) => {
        const problem = error ?? findProblem(socket, host);
        if (problem) {
          socket?.destroy();
          callback(problem, null);
        } else {
          callback(null, socket);
        }
      });
    },
  });

  async function send(target, init) {
    try {
      return await fetch(target, { ...init, dispatcher: agent, redirect: 'manual' });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      // Not as its cause: undici's errors quote header values, and what the server answered.
      throw new TypeError(`no answer from ${origin} (${error.cause?.code ?? error.name})`);
    }
  }

  async function pinnedFetch(input, init = {}) {
    let target = new URL(input, url);
    let request = init;
    for (let redirects = 0; redirects <= 5; redirects++) {
      // The certificates are trusted for this server only, and so do its credentials.
      if (target.origin !== origin) throw new TypeError(`not for ${target.origin}`);
      const response = await send(target, request);
      const location = response.headers.get('location');
      if (location === null || ![301, 302, 303, 307, 308].includes(response.status)) {
        return response;
      }
      await response.body?.cancel();
      const becomesGet = response.status < 307 && request.method === 'POST';
      if (becomesGet || response.status === 303)
        request = { ...request, method: 'GET', body: null };
      target = new URL(location, target);
    }
    throw new TypeError('too many redirects');
  }
  return Object.assign(pinnedFetch, { close: () => agent.destroy() });
}

/** Names by the rules of today: subjectAltName only, no `f*.example`. Node.js is more lenient. */
function findProblem(socket, host) {
  const certificate = socket.getPeerX509Certificate();
  const options = { subject: 'never', partialWildcards: false };
  const name = isIP(host) ? certificate?.checkIP(host) : certificate?.checkHost(host, options);
  return name === undefined ? new TypeError(`the certificate is not for ${host}`) : undefined;
}

/** Reads every certificate: Node.js would skip those that it cannot read, and trust all CAs for none. */
function readCertificates(ca) {
  const inputs = [ca].flat().flatMap((input) => {
    if (typeof input !== 'string') return [input];
    if (input.includes('PRIVATE KEY')) throw new TypeError('ca holds a private key');
    return input.split(/(?<=-----END CERTIFICATE-----)/).filter((part) => part.trim() !== '');
  });
  if (inputs.length === 0) throw new TypeError('ca holds no certificate');
  return inputs.map((input) => new X509Certificate(input).toString());
}
