import { describe, expectTypeOf, it } from 'vitest';
import * as core from '../../../src/core.js';
import * as main from '../../../src/index.js';

/** Held by the compiler (`npm run check:types`): class, name and code each narrow an error of ours. */

declare const error: unknown;
declare const ours: main.AnyMcpTlsError;

describe('an error of ours', () => {
  it('narrows by its code', () => {
    const check = () => {
      if (ours.code === 'MCP_TLS_NAME_MISMATCH')
        expectTypeOf(ours).toEqualTypeOf<main.TlsTrustError>();
      if (ours.code === 'MCP_TLS_TIMEOUT')
        expectTypeOf(ours).toEqualTypeOf<main.TlsConnectionError>();
      if (ours.code === 'MCP_TLS_BAD_ANSWER')
        expectTypeOf(ours).toEqualTypeOf<main.TlsConnectionError>();
      if (ours.code === 'MCP_TLS_UNSUPPORTED_RUNTIME')
        expectTypeOf(ours).toEqualTypeOf<main.TlsConfigError>();
      if (ours.code === 'MCP_TLS_APPROVAL_REQUIRED')
        expectTypeOf(ours.peer).toEqualTypeOf<main.PeerCertificate>();
      if (ours.code === 'MCP_TLS_STORE_EXPIRED')
        expectTypeOf(ours).toEqualTypeOf<main.StoreError>();
    };
    expectTypeOf(check).toBeFunction();
  });

  it('narrows by its name, exhaustively', () => {
    const check = () => {
      switch (ours.name) {
        case 'TlsConfigError':
        case 'TlsTrustError':
        case 'TlsConnectionError':
        case 'StoreError':
        case 'RegistryError':
        case 'ApprovalRequiredError':
          return;
        default:
          expectTypeOf(ours).toBeNever();
      }
    };
    expectTypeOf(check).toBeFunction();
  });

  it('narrows by instanceof, to the union at the base', () => {
    const check = () => {
      if (error instanceof main.McpTlsError)
        expectTypeOf(error).toEqualTypeOf<main.AnyMcpTlsError>();
      if (error instanceof main.TlsTrustError)
        expectTypeOf(error).toEqualTypeOf<main.TlsTrustError>();
      if (error instanceof main.ApprovalRequiredError) expectTypeOf(error.peer.pem).toBeString();
    };
    expectTypeOf(check).toBeFunction();
  });

  it('has hint, refused, retryable and toJSON whatever its class', () => {
    expectTypeOf(main.explainTlsError).returns.toEqualTypeOf<main.AnyMcpTlsError | undefined>();
    expectTypeOf<main.AnyMcpTlsError['hint']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<main.AnyMcpTlsError['refused']>().toEqualTypeOf<boolean>();
    expectTypeOf<main.AnyMcpTlsError['retryable']>().toEqualTypeOf<boolean>();
    expectTypeOf<main.AnyMcpTlsError['code']>().toEqualTypeOf<main.ErrorCode>();
    expectTypeOf<ReturnType<main.AnyMcpTlsError['toJSON']>>().toEqualTypeOf<main.ErrorJson>();
  });

  it('is of one class in every entry, which nobody outside can make', () => {
    expectTypeOf(core.TlsTrustError).toEqualTypeOf(main.TlsTrustError);
    // @ts-expect-error not constructable
    const make = () => new main.StoreError('MCP_TLS_STORE_CONFLICT', 'x');
    expectTypeOf(make).toBeFunction();
  });
});
