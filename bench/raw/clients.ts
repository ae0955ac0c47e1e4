/** The libraries as they are used without an SDK: each by its own interface, with one pool. */
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import axios from 'axios';
import { got } from 'got';
import { makeCustomClientFactory } from 'mcp-tls/core';
import nodeFetch from 'node-fetch';
import { Agent, type Dispatcher, fetch as undiciFetch, request as undiciRequest } from 'undici';

export interface RawClient {
  /** Sends a body and gives the answer's. */
  post(url: string, body: string): Promise<string>;
  /** Opens a large answer. Only clients that take part in the downloads have it. */
  readonly open?: (url: string) => Promise<Download>;
}

export interface Download {
  whole(): Promise<ArrayBuffer>;
  readonly chunks: AsyncIterable<Uint8Array>;
}

const JSON_TYPE = { 'content-type': 'application/json' };

export const RAW_CLIENTS: Readonly<Record<string, (ca: string, origin: string) => RawClient>> = {
  'mcp-tls': (ca, origin) => overFetch(makeCustomClientFactory(ca)({ url: origin })),

  'undici-fetch': (ca) => {
    const dispatcher = new Agent({ connect: { ca } });
    return overFetch((url, init) => undiciFetch(url, { ...(init as object), dispatcher }) as never);
  },

  'global-fetch': (ca) => {
    const dispatcher = new Agent({ connect: { ca } });
    return overFetch((url, init) => fetch(url, { ...init, dispatcher } as object));
  },

  'undici-request': (ca) => {
    const dispatcher = new Agent({ connect: { ca } });
    return {
      async post(url, body) {
        const init = { dispatcher, method: 'POST', headers: JSON_TYPE, body } as const;
        return (await undiciRequest(url, init)).body.text();
      },
      async open(url) {
        const { body } = await undiciRequest(url, { dispatcher });
        return { whole: () => body.arrayBuffer(), chunks: body };
      },
    };
  },

  'undici-dispatch': (ca, origin) => {
    // As many connections at most as ours: each has one for a request, up to 256.
    const dispatcher = new Agent({ connect: { ca }, connections: 256 });
    return {
      post: (url, body) =>
        new Promise((resolve, reject) => {
          const path = url.slice(origin.length);
          dispatcher.dispatch(
            { origin, path, method: 'POST', headers: JSON_TYPE, body },
            collectText(resolve, reject),
          );
        }),
    };
  },

  'node-https': (ca) => {
    const agent = new HttpsAgent({ ca, keepAlive: true });
    return {
      post: (url, body) =>
        new Promise((resolve, reject) => {
          const request = httpsRequest(url, { agent, method: 'POST', headers: JSON_TYPE });
          request.on('response', (message) => text(message).then(resolve, reject));
          request.on('error', reject).end(body);
        }),
    };
  },

  axios: (ca) => {
    const client = axios.create({
      adapter: 'http',
      httpsAgent: new HttpsAgent({ ca, keepAlive: true }),
      responseType: 'text',
      transformResponse: [],
    });
    return {
      post: async (url, body) =>
        (await client.post<string>(url, body, { headers: JSON_TYPE })).data,
    };
  },

  got: (ca) => {
    const client = got.extend({
      agent: { https: new HttpsAgent({ keepAlive: true }) },
      https: { certificateAuthority: ca },
    });
    return { post: (url, body) => client.post(url, { body, headers: JSON_TYPE }).text() };
  },

  'node-fetch': (ca) => {
    const agent = new HttpsAgent({ ca, keepAlive: true });
    return {
      post: async (url, body) =>
        (await nodeFetch(url, { method: 'POST', headers: JSON_TYPE, body, agent })).text(),
    };
  },
};

/** The least that a handler of undici can do. */
function collectText(
  resolve: (text: string) => void,
  reject: (error: Error) => void,
): Dispatcher.DispatchHandler {
  let text = '';
  return {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData(_controller, chunk) {
      text += chunk.toString();
    },
    onResponseEnd: () => resolve(text),
    onResponseError: (_controller, error) => reject(error),
  };
}

function overFetch(fetch: (url: string, init?: RequestInit) => Promise<Response>): RawClient {
  return {
    post: async (url, body) =>
      (await fetch(url, { method: 'POST', headers: JSON_TYPE, body })).text(),
    async open(url) {
      const response = await fetch(url);
      if (response.body === null) throw new Error('an answer without a body');
      return { whole: () => response.arrayBuffer(), chunks: readChunks(response.body) };
    },
  };
}

/** By a reader, as the SDKs read their streams. */
async function* readChunks(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
