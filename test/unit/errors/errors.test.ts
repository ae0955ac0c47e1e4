import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { approvalRequired } from '../../../src/connect/approval-required.js';
import type { PeerCertificate } from '../../../src/connect/peer-certificate.js';
import { ApprovalRequiredError as MadeApproval } from '../../../src/errors/approval-required-error.js';
import * as made from '../../../src/errors.js';
import {
  type AnyMcpTlsError,
  ApprovalRequiredError,
  explainTlsError,
  McpTlsError,
  RegistryError,
  StoreError,
  TlsConfigError,
  TlsConnectionError,
  TlsTrustError,
} from '../../../src/index.js';

const SRC = join(import.meta.dirname, '../../../src');

const peer = {
  host: 'localhost',
  port: 443,
  pem: '-----BEGIN CERTIFICATE-----',
  chain: [],
  description: { subject: 'CN=a', fingerprint: 'AA:BB', spkiPin: 'sha256/x' },
} as unknown as PeerCertificate;

const at = { host: 'localhost', port: 443 };
const cause = new Error('token=secret');
const MADE: Readonly<Record<AnyMcpTlsError['name'], AnyMcpTlsError>> = {
  TlsConfigError: new made.TlsConfigError('MCP_TLS_CLOSED', 'closed', { cause }),
  TlsTrustError: new made.TlsTrustError('MCP_TLS_EXPIRED', 'expired', {
    ...at,
    expected: 'valid',
    presented: 'not',
    hint: 'Renew.',
    cause,
  }),
  TlsConnectionError: new made.TlsConnectionError('MCP_TLS_TIMEOUT', 'late', { ...at, cause }),
  StoreError: new made.StoreError('MCP_TLS_STORE_TIMEOUT', 'late', { id: 'a', cause }),
  RegistryError: new made.RegistryError('MCP_TLS_NOT_REGISTERED', 'none', 'a', { cause }),
  ApprovalRequiredError: approvalRequired({ id: 'a', peer }),
};

const CLASSES = {
  TlsConfigError,
  TlsTrustError,
  TlsConnectionError,
  StoreError,
  RegistryError,
  ApprovalRequiredError,
};

/** An error of another copy: of classes that this process has nothing of. */
function foreign(name: string, code: string): unknown {
  class Foreign extends Error {
    override readonly name = name;
    readonly code = code;
  }
  const error = new Foreign('of another copy');
  Object.defineProperty(error, Symbol.for('mcp-tls.error'), { value: name });
  return error;
}

/** What nobody should have to survive. */
const HOSTILE: readonly (readonly [what: string, value: unknown])[] = [
  ['null', null],
  ['undefined', undefined],
  ['a number', 5],
  ['a text', 'MCP_TLS_EXPIRED'],
  ['a plain error', new Error('x')],
  ['an object without a prototype', Object.create(null)],
  ['the brand as `true`', { [Symbol.for('mcp-tls.error')]: true }],
  ['a proxy that answers everything', new Proxy({}, { get: () => () => {}, has: () => true })],
  [
    'a proxy that throws at everything',
    new Proxy(
      {},
      {
        get() {
          throw new Error('get');
        },
        has() {
          throw new Error('has');
        },
        getPrototypeOf() {
          throw new Error('getPrototypeOf');
        },
        ownKeys() {
          throw new Error('ownKeys');
        },
      },
    ),
  ],
  [
    'a getter that throws',
    Object.defineProperty({}, Symbol.for('mcp-tls.error'), {
      get() {
        throw new Error('brand');
      },
    }),
  ],
  ['a revoked proxy', revoked()],
];

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe.each(Object.entries(CLASSES))('%s', (name, Class) => {
  const error = MADE[name as AnyMcpTlsError['name']];

  it('is recognised by its own class and by the base, and by no other class', () => {
    expect(error instanceof McpTlsError).toBe(true);
    expect(error instanceof Error).toBe(true);
    for (const [other, OtherClass] of Object.entries(CLASSES)) {
      expect(error instanceof OtherClass).toBe(other === name);
    }
    expect(error.name).toBe(name);
  });

  it('recognises an error of another copy of the package', () => {
    const other = foreign(name, error.code);
    expect(other instanceof Class).toBe(true);
    expect(other instanceof McpTlsError).toBe(true);
    expect(explainTlsError(new TypeError('x', { cause: other }))).toBe(other);
  });

  it('recognises a frozen error, and one behind a proxy', () => {
    const frozen = Object.freeze(foreign(name, error.code)) as object;
    expect(frozen instanceof Class).toBe(true);
    expect(explainTlsError(new TypeError('x', { cause: frozen }))).toBe(frozen);
    const proxied = new Proxy(error, {});
    expect(proxied instanceof Class).toBe(true);
    expect(explainTlsError(proxied)).toBe(proxied);
    expect((proxied as AnyMcpTlsError).toJSON().code).toBe(error.code);
  });

  it('takes nothing else for its own, and survives it', () => {
    for (const [what, value] of HOSTILE) {
      expect((value as object) instanceof Class, what).toBe(false);
      expect((value as object) instanceof McpTlsError, what).toBe(false);
    }
  });

  it('cannot be made by its public class', () => {
    // @ts-expect-error no construct signature
    type Made = ConstructorParameters<typeof Class>;
    expect(undefined as Made | undefined).toBeUndefined();
  });

  it('becomes plain data with its message and hint, and without its cause', () => {
    const json = error.toJSON();
    expect(json).toMatchObject({ name, code: error.code, message: error.message });
    expect(json.hint).toBe(error.hint);
    expect(typeof json.refused).toBe('boolean');
    expect(JSON.parse(JSON.stringify(error))).toEqual(json);
    expect(JSON.stringify(error)).not.toMatch(/secret|BEGIN|cause/);
    expect(error.refused && error.retryable).toBe(false);
  });
});

/** One of ours whose cause is another of ours. */
function foreignWith(error: object, cause: unknown): object {
  return Object.create(error, { cause: { value: cause } });
}

describe('explainTlsError', () => {
  it.each(HOSTILE)('finds nothing in %s, and does not throw', (_, value) => {
    expect(explainTlsError(value)).toBeUndefined();
    expect(explainTlsError({ cause: value, errors: [value], data: value })).toBeUndefined();
  });

  it('finds our error wherever a library puts it', () => {
    const ours = MADE.TlsTrustError;
    for (const wrapped of [
      ours,
      new TypeError('fetch failed', { cause: ours }),
      new AggregateError([new Error('x'), new TypeError('y', { cause: ours })]),
      { event: { error: 'x', cause: ours } },
      { data: ours },
      { name: 'SuppressedError', error: ours, suppressed: new Error('x') },
      { name: 'SuppressedError', error: new Error('x'), suppressed: { cause: ours } },
    ]) {
      expect(explainTlsError(wrapped)).toBe(ours);
    }
  });

  it('prefers a refusal at any place: whoever retries over another one would meet the impostor', () => {
    const refused = MADE.TlsTrustError;
    const unreachable = MADE.TlsConnectionError;
    expect([refused.refused, unreachable.refused]).toEqual([true, false]);
    const fetchFailed = (cause: unknown) => new TypeError('fetch failed', { cause });
    for (const tree of [
      new AggregateError([fetchFailed(unreachable), fetchFailed(refused)]),
      new AggregateError([fetchFailed(refused), fetchFailed(unreachable)]),
      new AggregateError([unreachable, new AggregateError([fetchFailed(fetchFailed(refused))])]),
      { name: 'SuppressedError', error: unreachable, suppressed: fetchFailed(refused) },
      { cause: unreachable, errors: [refused] },
      Object.assign(new Error('x'), { cause: foreignWith(unreachable, refused) }),
    ]) {
      expect(explainTlsError(tree)).toBe(refused);
    }
    const first = fetchFailed(unreachable);
    expect(explainTlsError(new AggregateError([first, MADE.StoreError]))).toBeDefined();
  });

  it('looks 64 deep and through 1,000 members, within a bound', () => {
    const ours = MADE.TlsTrustError;
    const nested = (depth: number, inner: unknown): unknown =>
      Array.from({ length: depth }).reduce((cause) => ({ cause }), inner);
    expect(explainTlsError(nested(64, ours))).toBe(ours);
    expect(explainTlsError({ errors: [...Array(999).fill(new Error('x')), ours] })).toBe(ours);
    const members = Array.from({ length: 1_000 }, (_, i) => nested(64, i === 999 ? ours : {}));
    expect(explainTlsError(new AggregateError(members))).toBe(ours);
    expect(() => explainTlsError(nested(200_000, ours))).not.toThrow();
    const endless = (): object =>
      new Proxy({}, { get: (_, name) => (name === 'cause' ? endless() : undefined) });
    const spreading = (): object =>
      new Proxy({}, { get: (_, name) => (name === 'errors' ? Array(1e9) : spreading()) });
    const before = process.cpuUsage();
    expect(explainTlsError(endless())).toBeUndefined();
    expect(explainTlsError(spreading())).toBeUndefined();
    expect(explainTlsError({ errors: [endless(), ours] })).toBe(ours);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2_000);
  });

  it('ends in a circle, and in one that spreads', () => {
    const circle: { cause?: unknown; errors?: unknown[] } = {};
    circle.cause = circle;
    circle.errors = [circle, circle, circle];
    expect(explainTlsError(circle)).toBeUndefined();
    const wide = (depth: number): unknown =>
      depth === 0 ? {} : { errors: Array.from({ length: 8 }, () => wide(depth - 1)) };
    const spread = wide(6);
    // In CPU time, which other work of the machine does not lengthen.
    const before = process.cpuUsage();
    expect(explainTlsError(spread)).toBeUndefined();
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(1_000);
  });
});

describe('an ApprovalRequiredError', () => {
  it('keeps the certificate that it carries out of logs', () => {
    const error = MADE.ApprovalRequiredError;
    expect(error).toBeInstanceOf(MadeApproval);
    expect(inspect(error)).not.toContain('BEGIN');
    expect(error.toJSON()).toMatchObject({ id: 'a', host: 'localhost', presented: 'AA:BB' });
  });

  it('narrows by class, by name and by code', () => {
    const error: AnyMcpTlsError = MADE.ApprovalRequiredError;
    if (error.code === 'MCP_TLS_APPROVAL_REQUIRED') expect(error.peer.port).toBe(443);
    if (error.name === 'ApprovalRequiredError') expect(error.peer.host).toBe('localhost');
    if (error instanceof ApprovalRequiredError) expect(error.sameKey).toBeUndefined();
  });
});

describe('the source', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );

  it('writes every code whole where it is thrown', () => {
    expect(files.length).toBeGreaterThan(100);
    const pieced = files.filter((file) =>
      /MCP_TLS_\w*\$\{|'MCP_TLS_\w*' ?\+|MCP_TLS_\w*_'/.test(readFileSync(join(SRC, file), 'utf8')),
    );
    expect(pieced).toEqual([]);
  });
});
