import type { ConnectionErrorCode } from '../codes.js';
import type { Words } from './words.js';

export const CONNECTION_WORDS: Readonly<Record<ConnectionErrorCode, Words>> = {
  MCP_TLS_UNREACHABLE: {
    meaning: 'cannot be reached, or the connection broke',
    hint: 'Check the address, the port and that the server is running and reachable from this machine.',
  },
  MCP_TLS_TIMEOUT: {
    meaning: 'did not answer in time',
    hint: 'Check that the server is running and that no firewall drops the connection, or raise `timeout`.',
  },
  MCP_TLS_NOT_TLS: {
    meaning: 'does not speak TLS',
    hint: 'The port may serve plain http: use the port that the server offers https on.',
  },
  MCP_TLS_PROTOCOL_MISMATCH: {
    meaning: 'has no TLS version, cipher suite or signature algorithm in common with this client',
    hint: 'The server must offer TLS 1.2 or 1.3 (or the version in trust.minVersion); some TLS 1.2 servers also answer so when they miss a client certificate.',
  },
  MCP_TLS_HANDSHAKE_FAILED: {
    meaning: 'aborted the TLS handshake',
    hint: 'The detail is the code of OpenSSL; see the log of the server.',
  },
  MCP_TLS_BAD_ANSWER: {
    meaning: 'sent an answer that is not valid HTTP/1.1',
    hint: 'Check that the port is the one of the MCP server: another service, a proxy, or a server of HTTP/2 only may answer there.',
  },
  MCP_TLS_UNAUTHORIZED: {
    meaning:
      'refuses the access tokens that its own authorization server gives, one after the other',
    hint: 'Ask the operator of the server for the audience and scope that its tokens need; no more are asked for by themselves.',
  },
  MCP_TLS_PROXY_FAILED: {
    meaning: 'the proxy cannot be reached, is not trusted, or refuses',
    hint: 'The message says which; check the address of the proxy, and that it is running.',
  },
  MCP_TLS_CLIENT_CERTIFICATE_REQUIRED: {
    meaning: 'requires a client certificate',
    hint: 'This server uses mutual TLS: get a client certificate and key for it from its operator, and give them as `trust.clientCertificate`.',
  },
  MCP_TLS_CLIENT_CERTIFICATE_REFUSED: {
    meaning: 'refuses the client certificate',
    hint: 'Check that `trust.clientCertificate` is the one that the server expects, and that it is valid.',
  },
};
