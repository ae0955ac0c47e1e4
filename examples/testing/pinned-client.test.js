import { definePinningTests } from 'mcp-tls/testing';
import { describe, it } from 'vitest';
import { options } from './battery-options.js';
import { makePinnedFetch } from './pinned-client.js';

definePinningTests({ describe, it }, makePinnedFetch, options);
