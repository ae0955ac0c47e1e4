import type { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { printedNames, readQuietly } from '../../src/certificate/openssl-errors.js';
import { fetchPeerCertificate, makeCustomClientFactory } from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { patched } from '../one-judge/support/crafted.js';

/**
 * OpenSSL keeps the errors of a thread in one queue: what reading one server's certificate leaves there
 * must not break the connections to another server.
 */

const USAGE = '\x06\x03\x55\x1d\x25\x04\x16\x30';
const NAMES = '\x06\x03\x55\x1d\x11\x04\x25\x30';
const broken = (text: string): string => text.replace(/0$/, '!');

type Hostile = (hostile: HeldCertificate, url: string) => unknown;

const reads: readonly (readonly [string, string, Hostile])[] = [
  ['keyUsage', USAGE, quietly((c) => c.keyUsage)],
  ['subjectAltName', NAMES, ({ certificate }) => printedNames(certificate)],
  ['checkHost', NAMES, quietly((c) => c.checkHost('a.example'))],
  ['checkIP', NAMES, quietly((c) => c.checkIP('10.0.0.1'))],
  ['a probe under the pin of its key', USAGE, probe],
  ['a probe under the pin of its key', NAMES, probe],
];

function quietly(read: (certificate: X509Certificate) => unknown): Hostile {
  return ({ certificate }) => readQuietly(certificate, read);
}

function probe({ spkiPin }: HeldCertificate, url: string): Promise<unknown> {
  const trust = { identity: 'pin', pins: [spkiPin] } as const;
  return fetchPeerCertificate(url, { trust }).catch(() => {});
}

describe('a certificate with an extension that does not decode', () => {
  it.each(reads)('breaks no connection to another server: %s', async (_, extension, read) => {
    const hostile = patched(await heldCertificate(), extension, broken(extension));
    const healthy = await heldCertificate();
    await using bad = await startTlsServer({ certificate: hostile });
    await using good = await startTlsServer({ certificate: healthy });
    const factory = makeCustomClientFactory(healthy.pem);
    const client = factory({ url: good.url });
    const failures: unknown[] = [];
    for (let round = 0; round < 20; round++) {
      const answer = client(good.url).then((response) => response.text());
      await sleep(0);
      await read(hostile, bad.url);
      await answer.catch((error) => failures.push(error));
    }
    await factory.close();
    expect(failures).toEqual([]);
  });
});
