import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parseTrust, trustSchema } from '../../../src/index.js';
import { authority, client, crl, folder } from './parse-trust-setup.js';

describe('trustSchema', () => {
  const validate = new Ajv({ allErrors: true }).compile(trustSchema);

  /** Every combination of these, by fields. */
  function combinations(values: Readonly<Record<string, readonly unknown[]>>): object[] {
    return Object.entries(values).reduce<object[]>(
      (all, [field, choices]) =>
        all.flatMap((one) => [one, ...choices.map((choice) => ({ ...one, [field]: choice }))]),
      [{}],
    );
  }

  it('accepts exactly what parseTrust accepts, in 2,500 combinations and more', () => {
    const ca = authority.pem;
    const pin = authority.spkiPin;
    const cases: unknown[] = [
      ...combinations({
        ca: [ca, []],
        caFile: ['ca.pem'],
        authority: [true],
        roots: ['none', 'default'],
        pins: [pin],
        identity: ['name', 'pin'],
        allowExpired: [true, false],
        crl: [crl],
        crlFile: ['list.crl'],
      }),
      ...combinations({
        cert: [client.pem, [client.pem]],
        certFile: ['client.pem'],
        key: [client.keyPem],
        keyFile: ['client.key'],
        passphrase: ['x'],
        passphraseEnv: ['HOME'],
        more: [1],
      }).map((clientCertificate) => ({ ca, clientCertificate })),
      ...[null, true, 5, '', ca, [], [ca], {}],
      ...['x', 5, {}, [], true].map((serverName) => ({ ca, serverName })),
      ...['TLSv1', 'TLSv1.2', 'TLSv1.3', 1].map((minVersion) => ({ ca, minVersion })),
      { ca, rejectUnauthorized: false },
      ...[[pin], [], 5, ['']].map((pins) => ({ identity: 'pin', pins })),
      { ca, authority: 'x' },
      { roots: 'default', allowExpired: 'x' },
      { pins: pin },
    ];
    expect(cases.length).toBeGreaterThan(2_500);
    const differ = cases.filter((json) => validate(json) !== accepts(json));
    expect(differ.slice(0, 5)).toEqual([]);
    const accepted = cases.filter(accepts).length;
    expect(accepted).toBeGreaterThan(50);
  }, 120_000);

  function accepts(json: unknown): boolean {
    try {
      parseTrust(json, { base: folder });
      return true;
    } catch {
      return false;
    }
  }

  it('is frozen and plain JSON', () => {
    expect(JSON.parse(JSON.stringify(trustSchema))).toEqual(trustSchema);
    expect(Object.isFrozen((trustSchema as { anyOf: unknown[] }).anyOf[2])).toBe(true);
    expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toBe(authority.pem);
  });
});
