import { describe, expect, it } from 'vitest';

describe('the runtime that the matrix asked for', () => {
  it('is the Node.js line that runs the tests, in the workers too', () => {
    const wanted = process.env['MCP_TLS_NODE'] ?? process.versions.node;
    expect(process.versions.node).toBe(wanted);
  });

  it('is the undici that the library loads', async () => {
    const { default: undici } = await import('undici/package.json', { with: { type: 'json' } });
    expect(undici.version.split('.')[0]).toBe(process.env['MCP_TLS_UNDICI'] ?? '7');
  });
});
