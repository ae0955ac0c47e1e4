import type { Readable } from 'node:stream';
import type { BatteryResponse } from '../../../src/testing/index.js';

/** A response of a library that gives its body as a stream of Node.js. */
export function nodeResponse(
  status: number,
  headers: Readonly<Record<string, unknown>>,
  body: Readable,
): BatteryResponse {
  return {
    status,
    headers: {
      get: (name) => {
        const value = headers[name.toLowerCase()];
        return value === undefined ? null : String(value);
      },
    },
    body,
    async text() {
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(Buffer.from(chunk as Buffer));
      return Buffer.concat(chunks).toString('utf8');
    },
  };
}
