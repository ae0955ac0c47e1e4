import { describe, expect, it } from 'vitest';
import { approvalRequired } from '../../../src/connect/approval-required.js';
import type { PeerCertificate } from '../../../src/connect/peer-certificate.js';
import { TlsConfigError, TlsConnectionError, TlsTrustError } from '../../../src/errors.js';
import { formatError } from '../../../src/index.js';

const at = { host: '10.0.0.5', port: 8443 };
const refused = new TlsTrustError('MCP_TLS_SELF_SIGNED', '10.0.0.5:8443: it is self-signed', {
  ...at,
  expected: 'CN=a [SHA-256 AA:AA]',
  presented: 'CN=b [SHA-256 BB:BB]',
  hint: 'Compare the fingerprints.',
  cause: new Error('token=secret'),
});

describe('formatError', () => {
  it('shows message, both fingerprints and what to do, however deep the error is wrapped', () => {
    const text = [
      'MCP_TLS_SELF_SIGNED: 10.0.0.5:8443: it is self-signed',
      '  expected:  CN=a [SHA-256 AA:AA]',
      '  presented: CN=b [SHA-256 BB:BB]',
      '  to do:     Compare the fingerprints.',
    ].join('\n');
    expect(formatError(refused)).toBe(text);
    expect(formatError(new TypeError('fetch failed', { cause: refused }))).toBe(text);
    expect(
      formatError({ event: { error: new AggregateError([refused]) }, errors: [refused] }),
    ).toBe(text);
  });

  it('leaves out the lines that there is nothing for', () => {
    const error = new TlsConnectionError('MCP_TLS_TIMEOUT', '10.0.0.5:8443: late', at);
    expect(formatError(error)).toBe('MCP_TLS_TIMEOUT: 10.0.0.5:8443: late');
    expect(formatError(new TlsConfigError('MCP_TLS_CLOSED', 'closed'))).toBe(
      'MCP_TLS_CLOSED: closed',
    );
  });

  it('shows the fingerprints of an approval that is asked for', () => {
    const description = { subject: 'CN=b', fingerprint: 'BB:BB', spkiPin: 'sha256/b' };
    const peer = { ...at, description, pem: '-----BEGIN' } as unknown as PeerCertificate;
    const text = formatError(approvalRequired({ peer, expectedFingerprint: 'AA:AA' }));
    expect(text).toMatch(/^MCP_TLS_FINGERPRINT_MISMATCH: /);
    expect(text).toContain('\n  expected:  AA:AA\n  presented: CN=b [SHA-256 BB:BB]\n  to do: ');
    expect(text).not.toContain('BEGIN');
  });

  it('prints whatever a peer chose as one printable line', () => {
    const error = new TlsTrustError('MCP_TLS_NAME_MISMATCH', 'a\nb', {
      ...at,
      presented: `\x1b[31mDNS:x\u202e\ud800${'y'.repeat(5_000)}`,
    });
    const lines = formatError(error).split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe('MCP_TLS_NAME_MISMATCH: a\\u{a}b');
    expect(lines[1]).toContain('\\u{1b}[31mDNS:x\\u{202e}\\u{d800}yyy');
    expect(lines[1]?.length).toBeLessThan(1_100);
  });

  it('gives the message of an error that is not ours', () => {
    expect(formatError(new Error('ECONNREFUSED\r\n'))).toBe('ECONNREFUSED\\u{d}\\u{a}');
    expect(formatError('text')).toBe('text');
    expect(formatError(undefined)).toBe('undefined');
    expect(formatError(Object.create(null))).toBe('[object Object]');
    expect(formatError(Symbol('x'))).toBe('Symbol(x)');
  });

  it('never throws, and shows nothing of a cause', () => {
    const brand = Symbol.for('mcp-tls.error');
    const hostile: unknown[] = [
      { [brand]: 'TlsTrustError' },
      { [brand]: 'ApprovalRequiredError', name: 'ApprovalRequiredError' },
      {
        [brand]: 'StoreError',
        get message() {
          throw new Error('message');
        },
      },
      { [brand]: 'StoreError', message: Object.create(null), code: Symbol('x') },
      {
        get message() {
          throw new Error('message');
        },
      },
      new Proxy(refused, {
        get: (target, name) =>
          name === brand
            ? 'TlsTrustError'
            : (() => {
                throw new Error(String(target));
              })(),
      }),
      Object.freeze(new TlsConfigError('MCP_TLS_CLOSED', 'x')),
    ];
    for (const one of hostile) expect(typeof formatError(one)).toBe('string');
    expect(formatError(refused)).not.toContain('secret');
  });
});
