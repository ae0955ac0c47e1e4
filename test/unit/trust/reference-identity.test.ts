import { describe, expect, it } from 'vitest';
import { heldCertificate } from '../../../src/testing/index.js';
import { carriesIdentity, readReferenceIdentity } from '../../../src/trust/reference-identity.js';

describe('readReferenceIdentity', () => {
  it.each([
    ['example.com', 'dns', 'example.com'],
    ['EXAMPLE.com.', 'dns', 'example.com'],
    ['bücher.example', 'dns', 'xn--bcher-kva.example'],
    ['my_host', 'dns', 'my_host'],
    ['10.0.0.5', 'ip', '10.0.0.5'],
    ['010.0.0.5', 'ip', '8.0.0.5'],
    ['0x7f.1', 'ip', '127.0.0.1'],
    ['::1', 'ip', '::1'],
    ['[::1]', 'ip', '::1'],
    ['2001:DB8:0::1', 'ip', '2001:db8::1'],
    ['::ffff:127.0.0.1', 'ip', '::ffff:7f00:1'],
  ])('reads %s', (host, kind, value) => {
    expect(readReferenceIdentity(host)).toEqual({ kind, value });
  });

  it.each([
    '',
    '.',
    '.example.com',
    'a..b',
    '*.example.com',
    'a b',
    'a/b',
    'u@h',
    'h:1',
    '[h]',
    '1.2.3.256',
  ])('refuses %j', (host) => {
    expect(() => readReferenceIdentity(host)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });
});

describe('carriesIdentity', () => {
  const cases: [names: Parameters<typeof heldCertificate>[0], host: string, carried: boolean][] = [
    [{ dns: ['a.example'] }, 'a.example', true],
    [{ dns: ['A.Example'] }, 'a.example', true],
    [{ dns: ['a.example'] }, 'b.example', false],
    [{ dns: ['a.example'] }, 'x.a.example', false],
    [{ dns: ['*.example.com'] }, 'a.example.com', true],
    [{ dns: ['*.example.com'] }, 'a.b.example.com', false],
    [{ dns: ['*.example.com'] }, 'example.com', false],
    [{ dns: ['w*.example.com'] }, 'www.example.com', false],
    [{ ip: ['10.0.0.5'] }, '10.0.0.5', true],
    [{ ip: ['10.0.0.5'] }, '10.0.0.6', false],
    [{ ip: ['2001:db8::1'] }, '2001:db8::1', true],
    [{ ip: ['2001:db8::1'] }, '2001:db8::2', false],
    [{ dns: ['10.0.0.5'] }, '10.0.0.5', false],
    [{ uri: ['https://a.example'] }, 'a.example', false],
    [{ commonName: 'a.example', san: 'none' }, 'a.example', false],
    [{ commonName: '10.0.0.5', san: 'none' }, '10.0.0.5', false],
    [{ commonName: 'a.example', dns: ['b.example'] }, 'a.example', false],
    [{ commonName: 'a.example', ip: ['10.0.0.5'] }, 'a.example', false],
  ];
  it.each(cases)('%j for %s: %s', async (names, host, carried) => {
    const { certificate } = await heldCertificate(names);
    expect(carriesIdentity(certificate, readReferenceIdentity(host))).toBe(carried);
  });
});
