// In dist a file by itself, whose path says what to import where the package is missing: see tsup.config.ts.
export {
  parseJSONRPCMessage,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';
