/** 3. The company's CA beside the public roots, over SSE. */
import { readFileSync } from 'node:fs';
import { sseClient } from 'mcp-tls';

export const transportFor = (url: string, caFile: string) =>
  sseClient(url, { trust: { ca: readFileSync(caFile), authority: true, roots: 'default' } });
