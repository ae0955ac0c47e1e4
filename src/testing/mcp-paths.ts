/** Where the MCP server of the kit listens. */
export const MCP_PATH = '/mcp';
export const SSE_PATH = '/sse';

export function pathOf(transport: 'streamable-http' | 'sse' = 'streamable-http'): string {
  return transport === 'sse' ? SSE_PATH : MCP_PATH;
}
