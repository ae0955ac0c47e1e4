import { inspect } from 'node:util';
import { explainTlsError, McpTlsError } from '../../src/index.js';
import type { Arguments, Cell, Classes } from './cell-parts.js';
import type { Seen, StandardServer } from './server.js';

export type AnyFetch = (...args: never[]) => Promise<Response>;

/** A fetch, and what it takes for a Request and a form. */
export interface Side {
  readonly fetch: AnyFetch;
  readonly classes: Classes;
}

/** How one side took a cell. */
export interface Outcome {
  readonly rejects?: string;
  readonly response?: object;
  readonly body?: unknown;
  readonly seen: readonly Seen[];
}

const LIMIT_MS = 5000;

/** Runs a cell over one side. What it resolves with is plain: equal if and only if both did the same. */
export async function runCell(
  cell: Cell,
  server: StandardServer,
  side: 'ours' | 'control',
  { fetch, classes }: Side,
): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ rejects: string }>((resolve) => {
    timer = setTimeout(() => resolve({ rejects: 'it hangs' }), LIMIT_MS);
  });
  const outcome = await Promise.race([late, callAndRead(cell, server, side, fetch, classes)]);
  clearTimeout(timer);
  return { ...outcome, seen: server.take(side) };
}

async function callAndRead(
  cell: Cell,
  server: StandardServer,
  side: string,
  fetch: AnyFetch,
  classes: Classes,
): Promise<Omit<Outcome, 'seen'>> {
  const given: Arguments = await cell.make(`${server.url}/${side}/${cell.answer}`, classes);
  let response: Response;
  try {
    response = await fetch(...(given as unknown as never[]));
  } catch (error) {
    return { rejects: nameOf(error, side) };
  }
  const { status, statusText, ok, redirected, url } = response;
  const head = {
    status,
    statusText,
    ok,
    redirected,
    url: url.replace(`${server.url}/${side}`, ''),
    cookies: response.headers.getSetCookie(),
    body: response.body === null ? 'none' : 'some',
  };
  try {
    return { response: head, body: await read(response, cell.read) };
  } catch (error) {
    return { response: head, body: `rejects with ${nameOf(error, side)}` };
  }
}

async function read(response: Response, how: Cell['read']): Promise<unknown> {
  switch (how) {
    case 'text':
    case 'json':
      return response[how]();
    case 'arrayBuffer':
      return Buffer.from(await response.arrayBuffer()).toString('latin1');
    case 'blob': {
      const blob = await response.blob();
      return [blob.type, await blob.text()];
    }
    case 'bytes':
      // Not on Node 20.
      return 'bytes' in response
        ? Buffer.from(await (response as { bytes(): Promise<Uint8Array> }).bytes()).toString('hex')
        : undefined;
    case 'formData':
      return [...(await response.formData())];
    case 'clone': {
      const clone = response.clone();
      const { status, ok, statusText, redirected } = clone;
      return [status, ok, statusText, redirected, await clone.text(), await response.text()];
    }
    case 'stream': {
      const chunks: Uint8Array[] = [];
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
      }
      return [Buffer.concat(chunks).toString('latin1'), response.bodyUsed];
    }
    case 'text twice': {
      const text = await response.text();
      return [text, response.bodyUsed, await response.text()];
    }
    case 'cancelled':
      await response.body?.cancel();
      return response.text();
  }
}

/** Its class; and, of ours, that nothing foreign or secret leaves. */
function nameOf(error: unknown, side: string): string {
  if (side === 'ours') {
    const shown = `${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(error)}`;
    if (/SECRET/.test(shown)) return `an error that shows a secret: ${shown}`;
    // All that happens here is the caller's doing, or the server's.
    if (explainTlsError(error)?.code === 'MCP_TLS_UNSUPPORTED_RUNTIME') {
      return 'an error that blames the installation';
    }
    // What reads a body itself (JSON.parse, formData) has errors of the platform's.
    const own = error instanceof TypeError && error.message.startsWith('fetch failed');
    if (own && !(error.cause instanceof McpTlsError)) return 'a TypeError whose cause is not ours';
  }
  return error instanceof Error ? error.constructor.name : `${typeof error}: ${error}`;
}
