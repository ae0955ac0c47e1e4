import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import {
  describeCertificate,
  isSelfSignedPem,
  makeCustomClientFactory,
  parseTrust,
  streamableHttpClient,
} from '../../src/index.js';
import { createSealer, createStoredCertificate } from '../../src/store/index.js';
import { revocationList } from '../../src/testing/battery/revocation-list.js';
import { heldCertificate } from '../../src/testing/index.js';
import { damaged, text } from './mutate.js';
import { CANARY, type FuzzTarget } from './target.js';

const KEYS = [{ id: 'k1', key: randomBytes(32) }];
const NAMESPACE = 'fuzz';

/** Readers that take their input whole, without a connection. */
export async function pureTargets(): Promise<readonly FuzzTarget[]> {
  const certificate = await heldCertificate({ dns: ['a.example'], isCa: true });
  const other = await heldCertificate({ signedBy: certificate, key: 'rsa2048' });
  const pems = [certificate.pem, other.chainPem].map((pem) => Buffer.from(pem));
  const withKey = Buffer.from(
    `${certificate.pem}-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n`,
  );
  const ders = [certificate, other].map(({ pem: certificatePem }) =>
    Buffer.from(certificatePem.replace(/-----.*-----|\s/g, ''), 'base64'),
  );
  const sealer = createSealer({ keys: KEYS, namespace: NAMESPACE });
  const record = createStoredCertificate({
    url: 'https://a.example',
    trust: certificate.pem,
    approvedBy: CANARY,
  });
  const sealed = Buffer.from(await sealer.seal('a', record, 1));
  const json = Buffer.from(JSON.stringify(record));
  const nowhere = makeCustomClientFactory(null, {
    lookup: (_host, _options, done) =>
      done(Object.assign(new Error('nowhere'), { code: 'ENOTFOUND' }), ''),
  })();
  const use = (trust: unknown): unknown => makeCustomClientFactory(trust as never).close();
  return [
    {
      name: 'PEM',
      pure: true,
      input: damaged([...pems, withKey]).map(text),
      run: async (pem: string) => {
        await settle(() => isSelfSignedPem(pem));
        await use(pem);
      },
    },
    {
      name: 'PEM described',
      pure: true,
      input: damaged(pems).map(text),
      run: (pem: string) => describeCertificate(pem),
    },
    {
      name: 'DER',
      pure: true,
      input: damaged(ders),
      run: (der: Uint8Array) => use(der),
    },
    {
      name: 'DER described',
      pure: true,
      input: damaged(ders),
      run: (der: Uint8Array) => describeCertificate(der),
    },
    {
      name: 'revocation lists',
      pure: true,
      input: damaged([Buffer.from(revocationList({ issuer: certificate }))]).map(text),
      run: (crl: string) => use({ ca: certificate.pem, authority: true, crl }),
    },
    {
      name: 'policies',
      pure: true,
      input: policies(certificate.pem),
      run: use,
    },
    {
      name: 'policies as JSON',
      pure: true,
      input: fc.oneof(
        policies(certificate.pem),
        damaged([
          Buffer.from(
            JSON.stringify({
              ca: certificate.pem,
              serverName: 'a.example',
              clientCertificate: { cert: certificate.pem, key: CANARY },
            }),
          ),
        ]).map((bytes) => parsed(text(bytes))),
      ),
      run: (json: unknown) => parseTrust(json),
    },
    {
      name: 'requests',
      pure: true,
      input: requests(),
      // To nowhere: what is asked is how the arguments are read.
      run: async ({ input, init }: { readonly input: never; readonly init: never }) => {
        try {
          await nowhere(input, init);
        } catch (error) {
          // The reason of the caller's own signal goes out untouched.
          if ((error as Error).name !== 'AbortError') throw error;
        }
      },
    },
    {
      name: 'headers',
      pure: true,
      input: fc.oneof(
        fc.dictionary(
          fc.string(),
          fc.string().map((end) => `${CANARY}${end}`),
        ),
        fc.array(fc.array(fc.oneof(fc.string(), fc.constant(CANARY)), { maxLength: 3 })),
        fc.anything(),
      ),
      run: async (headers: never) => {
        const factory = makeCustomClientFactory(null);
        await settle(() => factory({ url: 'https://a.example', headers }));
        streamableHttpClient('https://a.example', { clientFactory: factory, headers });
        await factory()('data:', { headers });
      },
    },
    {
      name: 'key ring',
      pure: true,
      input: keyRings(),
      run: (keys: never) => createSealer({ keys, namespace: NAMESPACE }),
    },
    {
      name: 'envelopes',
      pure: true,
      input: damaged([sealed]).map(text),
      run: async (envelope: string) => {
        sealer.keyIdOf(envelope);
        await sealer.open('a', envelope);
      },
    },
    {
      name: 'records',
      pure: true,
      input: fc.oneof(
        damaged([json]).map((bytes) => parsed(text(bytes))),
        fc.anything(),
        fc
          .tuple(fc.constantFrom(...Object.keys(record)), fc.anything())
          .map(([field, value]) => ({ ...record, [field]: value })),
      ),
      run: (value: never) => sealer.seal('a', value, 1),
    },
  ];
}

/** The next call is judged; this one may throw as it likes, but not for ever. */
async function settle(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch {}
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function policies(pem: string): fc.Arbitrary<unknown> {
  const odd = fc.oneof(
    fc.anything(),
    fc.constantFrom<unknown>(pem, [pem, pem], 'default', '', null),
  );
  const secret = fc.string().map((end) => `${CANARY}${end}`);
  return fc.oneof(
    fc.anything(),
    fc.record(
      {
        ca: odd,
        authority: odd,
        roots: odd,
        pins: fc.oneof(odd, fc.array(fc.string().map((pin) => `sha256/${pin}`))),
        identity: odd,
        serverName: fc.oneof(odd, fc.string()),
        allowExpired: odd,
        crl: odd,
        minVersion: odd,
        clientCertificate: fc.record(
          { cert: odd, key: secret, passphrase: secret },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ),
  );
}

/** Arguments of a fetch, each of them anything. */
function requests(): fc.Arbitrary<unknown> {
  const secret = fc.string().map((end) => `${CANARY}${end}`);
  const odd = fc.oneof(fc.anything({ withTypedArray: true, withBigInt: true }), secret);
  const body = fc.oneof(
    odd,
    fc.constantFrom('', '{}').map((one) => new Response(one).body),
    fc.uint8Array().map((bytes) => new Blob([bytes])),
    fc.anything().map((chunk) => ReadableStream.from([chunk])),
    fc.anything().map((result) => ({ [Symbol.asyncIterator]: () => result })),
    fc.anything().map((result) => ({ [Symbol.asyncIterator]: () => ({ next: () => result }) })),
    secret.map((value) => {
      const form = new FormData();
      form.append(value, value);
      return form;
    }),
  );
  const maybe = (...values: readonly unknown[]): fc.Arbitrary<unknown> =>
    fc.oneof(fc.constantFrom(...values), odd);
  return fc.record({
    input: fc.oneof(
      fc.constant(`https://a.example/${CANARY}?${CANARY}`),
      secret.map((path) => `https://a.example/${path}`),
      secret.map((path) => new Request('https://a.example', { method: 'POST', body: path })),
      fc.anything(),
    ),
    init: fc.oneof(
      fc.anything(),
      fc.record(
        {
          method: maybe('GET', 'POST', 'get', 'TRACE'),
          body,
          headers: maybe(['a', 'b'], { a: CANARY }),
          redirect: maybe('follow', 'manual', 'error'),
          duplex: maybe('half'),
          signal: maybe(null, AbortSignal.abort(), new AbortController().signal),
          mode: maybe('cors', 'navigate'),
          integrity: maybe('', 'sha256-x'),
          keepalive: maybe(true),
        },
        { requiredKeys: [] },
      ),
    ),
  });
}

function keyRings(): fc.Arbitrary<unknown> {
  const key = fc.oneof(
    fc.string().map((end) => `${CANARY}${end}`),
    fc
      .tuple(fc.constantFrom('=', 'A', '/', ' '), fc.nat({ max: 200_000 }))
      .map(([character, count]) => `${character.repeat(count)}${CANARY}`),
    fc.uint8Array(),
    fc.anything(),
  );
  const entry = fc.oneof(
    fc.record({ id: fc.oneof(fc.string(), fc.constant('k1')), key }),
    fc.anything(),
  );
  return fc.oneof(
    fc.array(entry),
    fc.record({ keys: fc.array(entry), retired: fc.anything() }, { requiredKeys: [] }),
    fc.anything(),
  );
}
