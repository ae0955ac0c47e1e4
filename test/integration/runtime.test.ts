import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

describe('the runtime that the matrix asked for', () => {
  it('is the Node.js line that runs the tests, in the workers too', () => {
    const wanted = process.env['MCP_TLS_NODE'] ?? process.versions.node;
    expect(process.versions.node).toBe(wanted);
  });

  it('is the undici that the library loads', async () => {
    const { default: undici } = await import('undici/package.json', { with: { type: 'json' } });
    expect(undici.version.split('.')[0]).toBe(process.env['MCP_TLS_UNDICI'] ?? '7');
  });

  it('is the MCP SDK v1 that tests and library load', async () => {
    const wanted =
      process.env['MCP_TLS_SDK'] ?? manifest.devDependencies['@modelcontextprotocol/sdk'];
    const { LATEST_PROTOCOL_VERSION } = await import('@modelcontextprotocol/sdk/types.js');
    expect(LATEST_PROTOCOL_VERSION).toBe(PROTOCOLS[wanted] ?? '2025-11-25');
  });

  it('is the keyv that the tests load', async () => {
    // What came with keyv 6; neither says its version.
    const major = 'KeyvMemoryAdapter' in (await import('keyv')) ? '6' : '5';
    expect(major).toBe(process.env['MCP_TLS_KEYV'] ?? '5');
  });
});

/** The packages do not say their version; the protocol tells these apart. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  '1.16.0': '2025-06-18',
  '1.24.0': '2025-11-25',
};
