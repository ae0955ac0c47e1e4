/**
 * What the SDK is given as `fetch`, made over each library as its users would make it: one pool of
 * connections that trusts the server's certificate, and a `Response` around the answer.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import axios from 'axios';
import { got } from 'got';
import { makeCustomClientFactory } from 'mcp-tls/core';
import nodeFetch from 'node-fetch';
import { Agent, fetch as undiciFetch } from 'undici';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;
export type MakeFetch = (ca: string, url: string) => Fetch;

/** MCP answers may take minutes: no library gets a limit that ours has not. */
const NO_LIMITS = { headersTimeout: 0, bodyTimeout: 0 };

export const FETCHES: Readonly<Record<string, MakeFetch>> = {
  'mcp-tls': (ca, url) => makeCustomClientFactory(ca)({ url }),

  'undici-fetch': (ca) => {
    const dispatcher = new Agent({ connect: { ca }, ...NO_LIMITS });
    return (url, init) =>
      undiciFetch(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>;
  },

  'global-fetch': (ca) => {
    const dispatcher = new Agent({ connect: { ca }, ...NO_LIMITS });
    return (url, init) => fetch(url, { ...init, dispatcher } as object);
  },

  'new-client': (ca) => async (url, init) => {
    const dispatcher = new Agent({ connect: { ca }, ...NO_LIMITS });
    const answer = await undiciFetch(url, { ...(init as object), dispatcher });
    const response = answer as unknown as Response;
    // The stream for the server's messages lives on, and so does its client.
    if (init?.method !== 'POST') return response;
    const { status, headers } = response;
    const body = status === 202 ? null : await response.text();
    await dispatcher.close();
    return new Response(body, { status, headers });
  },

  'node-https': (ca) => {
    const agent = new HttpsAgent({ ca, keepAlive: true });
    return async (url, init) => {
      const request = httpsRequest(url, {
        agent,
        method: init?.method ?? 'GET',
        headers: headersOf(init),
        ...(init?.signal && { signal: init.signal }),
      });
      request.end(init?.body);
      const [message] = (await once(request, 'response')) as [IncomingMessage];
      return toResponse(message.statusCode, message.headers, message);
    };
  },

  axios: (ca) => {
    const httpsAgent = new HttpsAgent({ ca, keepAlive: true });
    const client = axios.create({
      httpsAgent,
      adapter: 'http',
      responseType: 'stream',
      validateStatus: () => true,
    });
    return async (url, init) => {
      const answer = await client.request<Readable>({
        url: String(url),
        method: init?.method ?? 'GET',
        headers: headersOf(init),
        data: init?.body,
        ...(init?.signal && { signal: init.signal }),
      });
      return toResponse(answer.status, answer.headers, answer.data);
    };
  },

  got: (ca) => {
    const client = got.extend({
      agent: { https: new HttpsAgent({ keepAlive: true }) },
      https: { certificateAuthority: ca },
      throwHttpErrors: false,
      retry: { limit: 0 },
    });
    return async (url, init) => {
      // As a stream: got's promise resolves only when the whole body is there.
      const stream = client.stream(url, {
        method: (init?.method ?? 'GET') as 'GET' | 'POST',
        headers: headersOf(init),
        ...(typeof init?.body === 'string' && { body: init.body }),
        ...(init?.signal && { signal: init.signal }),
      });
      const [message] = (await once(stream, 'response')) as [IncomingMessage];
      return toResponse(message.statusCode, message.headers, stream);
    };
  },

  'node-fetch': (ca) => {
    const agent = new HttpsAgent({ ca, keepAlive: true });
    return async (url, init) => {
      const answer = await nodeFetch(url, {
        ...(init as object),
        headers: headersOf(init),
        agent,
      });
      const headers = Object.fromEntries(answer.headers);
      return toResponse(answer.status, headers, answer.body as Readable | null);
    };
  },
};

function headersOf(init: RequestInit | undefined): Record<string, string> {
  return Object.fromEntries(new Headers(init?.headers));
}

function toResponse(status: number | undefined, headers: object, body: Readable | null): Response {
  const noBody = status === 202 || status === 204 || body === null;
  if (noBody) body?.resume();
  const entries = Object.entries(headers).filter(([, value]) => typeof value === 'string');
  return new Response(noBody ? null : (Readable.toWeb(body) as ReadableStream), {
    status: status ?? 0,
    headers: entries as [string, string][],
  });
}
