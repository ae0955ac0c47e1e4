import { describe, it } from 'node:test';
import { definePinningTests } from 'mcp-tls/testing';
import { options } from './battery-options.js';
import { makePinnedFetch } from './pinned-client.js';

definePinningTests({ describe, it }, makePinnedFetch, options);
