/** Ways to a new connection that is verified, over which one small answer is read. */
import { get, Agent as HttpsAgent } from 'node:https';
import { text } from 'node:stream/consumers';
import { createSecureContext, rootCertificates, type SecureContextOptions } from 'node:tls';
import { makeCustomClientFactory, type TrustPolicy } from 'mcp-tls/core';
import { Agent, request } from 'undici';
import type { ServerAddress, SignedServerAddress } from '../server/main.js';
import { connectBare } from './connect-bare.js';

export interface Servers {
  /** One with a certificate of an authority. */
  readonly signed: SignedServerAddress;
  /** One with a certificate of its own. */
  readonly own: ServerAddress;
}

/** Sends a request that the server ends the connection after, and reads the answer. */
export type Ask = () => Promise<string>;

/** Each makes a client, whose connections share what it holds. */
export const WAYS: Readonly<Record<string, (servers: Servers) => Ask>> = {
  'tls-connect': ({ signed }) => overTls(signed, { ca: signed.ca }),
  'tls-connect-crl': ({ signed }) => overTls(signed, { ca: signed.ca, crl: signed.crl }),
  'tls-connect-own': ({ own }) => overTls(own, { ca: own.ca }),
  'ca-only': ({ signed: { ca, origin } }) => overOurs(origin, { ca }),
  'ca-and-roots': ({ signed: { ca, origin } }) => overOurs(origin, { ca, roots: 'default' }),
  'ca-and-pins': ({ signed: { ca, origin, pin } }) => overOurs(origin, { ca, pins: pin }),
  'ca-and-crl': ({ signed: { ca, crl, origin } }) => overOurs(origin, { ca, crl }),
  'own-certificate': ({ own: { ca, origin } }) => overOurs(origin, { ca }),
  'undici-ca-only': ({ signed: { ca, origin } }) => overUndici(origin, ca),
  'undici-ca-and-roots': ({ signed: { ca, origin } }) =>
    overUndici(origin, [...rootCertificates, ca]),
  'https-ca-only': ({ signed: { ca, origin } }) => {
    // No sessions are resumed, as over ours: a full handshake each time.
    const agent = new HttpsAgent({ ca, maxCachedSessions: 0 });
    return () =>
      new Promise((resolve, reject) => {
        get(`${origin}/last`, { agent }, (message) => text(message).then(resolve, reject)).on(
          'error',
          reject,
        );
      });
  },
};

function overTls({ origin }: ServerAddress, options: SecureContextOptions): Ask {
  const context = createSecureContext(options);
  return () => connectBare(origin, context);
}

function overOurs(origin: string, trust: TrustPolicy): Ask {
  const client = makeCustomClientFactory(trust)({ url: origin });
  return async () => (await client(`${origin}/last`)).text();
}

function overUndici(origin: string, ca: string | string[]): Ask {
  const dispatcher = new Agent({ connect: { ca, maxCachedSessions: 0 } });
  return async () => (await request(`${origin}/last`, { dispatcher })).body.text();
}
