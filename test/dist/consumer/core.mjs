import * as core from 'mcp-tls/core';
import { exerciseCore } from './exercise.cjs';

await exerciseCore(core);
