import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import {
  describeCertificate,
  isSelfSignedPem,
  makeCustomClientFactory,
  streamableHttpClient,
} from '../../src/index.js';
import { createSealer, createStoredCertificate } from '../../src/store/index.js';
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
      pure: false,
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
      name: 'policies',
      pure: true,
      input: policies(certificate.pem),
      run: use,
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
