// In dist a file by itself, whose path says what to import where the package is missing: see tsup.config.ts.
export { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
export { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
export { JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
