import type { ConfigErrorCode } from '../codes.js';
import type { Words } from './words.js';

/** For the documents: their messages name the option, and say what it must be. */
export const CONFIG_WORDS: Readonly<Record<ConfigErrorCode, Words>> = {
  MCP_TLS_INVALID_ARGUMENT: {
    meaning: 'an option is unknown, missing, empty or out of range',
    hint: 'The message names the option and what it must be.',
  },
  MCP_TLS_INVALID_CERTIFICATE: {
    meaning: 'not exactly one certificate or, where several are allowed, not only certificates',
    hint: 'The message says what was found instead.',
  },
  MCP_TLS_UNSUPPORTED_ALGORITHM: {
    meaning: 'the OpenSSL of this Node.js cannot verify that signature algorithm',
    hint: 'A later Node.js may.',
  },
  MCP_TLS_SOURCE_UNUSABLE: {
    meaning:
      'a file that a record names is missing, unreadable or not whole in this process: nothing is connected to without it',
    hint: 'Put the file in its place, readable and whole, in each process that connects; or replace the trust by `update`.',
  },
  MCP_TLS_UNSUPPORTED_RUNTIME: {
    meaning:
      'this process or installation cannot: a dependency does not load, a permission is denied, no file descriptors are left',
    hint: 'The fault is on this side: check the permissions and the limit of open files of this process, and the installation.',
  },
  MCP_TLS_CLOSED: {
    meaning: 'used after `close()`, or the connection was ended with what it belonged to',
    hint: 'Make a new client.',
  },
};
