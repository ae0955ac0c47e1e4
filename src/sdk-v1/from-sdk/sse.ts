// In dist a file by itself, whose path says what to import where the package is missing: see tsup.config.ts.
export { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
export { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
