import type { StoreErrorCode } from '../codes.js';
import type { Words } from './words.js';

export const STORE_WORDS: Readonly<Record<StoreErrorCode, Words>> = {
  MCP_TLS_STORE_UNAVAILABLE: {
    meaning: "the store's backend cannot be reached or failed; nothing was read or written",
    hint: 'Bring the backend back. It is not a missing record.',
  },
  MCP_TLS_STORE_TIMEOUT: {
    meaning: 'the backend did not answer a read in time',
    hint: 'Check the backend, or raise `timeouts.readMs`.',
  },
  MCP_TLS_STORE_OUTCOME_UNKNOWN: {
    meaning: 'a write was sent and no answer came: it may have happened, or may still happen',
    hint: 'Read the record, then write again.',
  },
  MCP_TLS_STORE_REFUSED: {
    meaning:
      'the backend refused the write (out of memory, read-only, disk full); nothing was changed',
    hint: 'Make room in the backend.',
  },
  MCP_TLS_STORE_CONFLICT: {
    meaning:
      'the record was changed or withdrawn after it was read, or other writers were faster each time; nothing was changed',
    hint: 'Read it again and decide again.',
  },
  MCP_TLS_STORE_EMPTIED: {
    meaning: 'the store was never set up, or its contents are lost',
    hint: 'Call `initialize()` once at installation; otherwise restore a backup.',
  },
  MCP_TLS_STORE_VANISHED: {
    meaning: 'a record is gone and nobody deleted it through the store',
    hint: 'Look for eviction or a partial restore.',
  },
  MCP_TLS_STORE_EVICTING: {
    meaning: 'the backend drops records when memory is short',
    hint: 'Set `maxmemory-policy noeviction`.',
  },
  MCP_TLS_STORE_ROLLED_BACK: {
    meaning: 'a record is older than one that this process has seen in its place',
    hint: 'Find out who put it back.',
  },
  MCP_TLS_STORE_TAMPERED: {
    meaning: 'a record was damaged, moved, planted, or sealed with another key',
    hint: 'Find out who wrote it, and approve the server anew.',
  },
  MCP_TLS_STORE_UNKNOWN_KEY: {
    meaning: 'a record is sealed with a key that is not in `keys`, or is retired',
    hint: 'Add that key to `keys`.',
  },
  MCP_TLS_STORE_INVALID_RECORD: {
    meaning: 'the content of a record is not one that this version understands',
    hint: 'Update every process to the same version.',
  },
  MCP_TLS_STORE_EXPIRED: {
    meaning: 'the time that a record was approved for is over',
    hint: 'Approve the server anew.',
  },
};
