import { TlsConfigError } from '../errors.js';

/**
 * Loads what speaks MCP. On demand: the rest of the kit works where the SDK is not installed.
 *
 * @throws {TlsConfigError} `MCP_TLS_UNSUPPORTED_RUNTIME` if it is not
 */
export async function loadMcpApplication(): Promise<typeof import('./mcp-application.js')> {
  try {
    // First what may be missing: in our CommonJS build, a module that could not be loaded once is taken for loaded.
    await import('@modelcontextprotocol/sdk/server/index.js');
    return await import('./mcp-application.js');
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    const isMissing = /^(ERR_)?MODULE_NOT_FOUND$/.test(String(code));
    if (!isMissing || !String(message).includes("'@modelcontextprotocol/sdk")) throw cause;
    throw new TlsConfigError(
      'MCP_TLS_UNSUPPORTED_RUNTIME',
      'the MCP servers of mcp-tls/testing need @modelcontextprotocol/sdk, which is not installed',
      {
        hint: 'Install it as a development dependency: npm install -D @modelcontextprotocol/sdk. Clients of any SDK can be tested with them.',
        cause,
      },
    );
  }
}
