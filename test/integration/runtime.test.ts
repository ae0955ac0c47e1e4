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
    // What they export: the packages do not say their version.
    const types = await import('@modelcontextprotocol/sdk/types.js');
    const isLater = 'CallToolRequestParamsSchema' in types;
    const isNewest = 'TaskMetadataSchema' in types;
    expect([isLater, isNewest]).toEqual([
      wanted !== '1.16.0',
      !['1.16.0', '1.24.0'].includes(wanted),
    ]);
  });

  it('is the keyv that the tests load', async () => {
    // What came with keyv 6; neither says its version.
    const major = 'KeyvMemoryAdapter' in (await import('keyv')) ? '6' : '5';
    expect(major).toBe(process.env['MCP_TLS_KEYV'] ?? '5');
  });
});
