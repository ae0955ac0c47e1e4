import {
  parseJSONRPCMessage,
  UnauthorizedError as UnauthorizedV2,
  StreamableHTTPClientTransport as V2,
} from '@modelcontextprotocol/client';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlainBody } from '../../../src/client/plain-body.js';
import { UnreadBody } from '../../../src/client/unread-body.js';
import type { ServerLink } from '../../../src/transports/link.js';
import { linkStreamableHttp } from '../../../src/transports/linked-streamable-http.js';

/**
 * The stream that answers a message, read by the SDK alone and by our transport: whatever comes in whatever pieces, the
 * same is delivered, reported and taken up again.
 */

const SERVER = new URL('https://127.0.0.1:1/mcp');

/** What the tests use of a transport of the SDK. Not all of it is public. */
interface Transport {
  onmessage?: (message: unknown) => void;
  onerror?: (error: Error) => void;
  start(): Promise<void>;
  _handleSseStream(stream: unknown, options: object, isReconnectable: boolean): void;
  _scheduleReconnection(options: { resumptionToken?: string }): void;
  _serverRetryMs?: number;
}

const LINK = { totalMs: 0, listens: false, lastError: undefined, abandon: () => {} };
const link = (): ServerLink => ({ ...LINK }) as unknown as ServerLink;

const LinkedV1 = linkStreamableHttp(StreamableHTTPClientTransport, UnauthorizedError, (value) =>
  JSONRPCMessageSchema.parse(value),
);
const LinkedV2 = linkStreamableHttp(V2, UnauthorizedV2, parseJSONRPCMessage);

const SDKS: Record<string, { alone: () => unknown; linked: () => unknown }> = {
  v1: {
    alone: () => new StreamableHTTPClientTransport(SERVER),
    linked: () => new LinkedV1(SERVER, {}, link()),
  },
  v2: { alone: () => new V2(SERVER), linked: () => new LinkedV2(SERVER, {}, link()) },
};

type Step = Uint8Array | 'turn' | 'end' | 'fail';

interface Side {
  readonly stream: unknown;
  /** How often the SDK was given the stream. */
  readonly opened?: () => number;
  write(piece: Uint8Array): void;
  end(): void;
  fail(reason: Error): void;
}

/** As the platform's fetch has it. */
function platformSide(): Side {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>({
    start: (one) => {
      controller = one;
    },
  });
  return {
    stream,
    write: (piece) => controller.enqueue(piece),
    end: () => controller.close(),
    fail: (reason) => controller.error(reason),
  };
}

function ourSide(): Side {
  const source = {
    pause: () => {},
    resume: () => {},
    cancel: () => {},
    aborted: () => undefined,
    listen: () => {},
  };
  const body = new PlainBody(source);
  let opened = 0;
  const open = (): ReadableStream => {
    opened++;
    return body.stream() as never;
  };
  return {
    stream: new UnreadBody(body, open),
    opened: () => opened,
    write: (piece) => body.write(piece),
    end: () => body.end(),
    fail: (reason) => body.fail(reason),
  };
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** What a transport does with a stream. */
async function trace(
  transport: Transport,
  side: Side,
  steps: readonly Step[],
  throwing = false,
): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  const note =
    (what: string) =>
    (value: unknown): void => {
      seen.push([what, value instanceof Error ? String(value) : value]);
      if (throwing) throw new Error(`the listener of a ${what}`);
    };
  transport.onmessage = note('message');
  transport.onerror = (error) => void seen.push(['error', String(error)]);
  transport._scheduleReconnection = ({ resumptionToken }) =>
    void seen.push(['taken up again', resumptionToken, transport._serverRetryMs]);
  await transport.start();
  transport._handleSseStream(side.stream, { onresumptiontoken: note('token') }, false);
  await turns(2);
  for (const step of steps) {
    if (step === 'turn') await turns(4);
    else if (step === 'end') side.end();
    else if (step === 'fail') side.fail(new Error('it broke'));
    else side.write(step.slice());
  }
  await turns(12);
  return seen;
}

async function both(
  sdk: string,
  steps: readonly Step[],
  throwing = false,
): Promise<[readonly unknown[], readonly unknown[]]> {
  const { alone, linked } = SDKS[sdk] as (typeof SDKS)[string];
  return [
    await trace(alone() as Transport, platformSide(), steps, throwing),
    await trace(linked() as Transport, ourSide(), steps, throwing),
  ];
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const rpc = (fields: object): string => JSON.stringify({ jsonrpc: '2.0', ...fields });
const RESULT = rpc({ id: 1, result: { content: [{ type: 'text', text: 'ä€😀 \u2028' }] } });
const event = (lines: readonly string[], eol = '\n'): string => [...lines, '', ''].join(eol);
const USUAL = event(['event: message', 'id: 5f', `data: ${RESULT}`]);

describe.each(Object.keys(SDKS))('the answer to a call over SDK %s', (sdk) => {
  it.each([
    ['with a type and an id', USUAL],
    ['without both', event([`data: ${RESULT}`])],
    ['with the id first, and CR LF', event(['id:5f', 'event:message', `data:${RESULT}`], '\r\n')],
    ['with two ids', event(['id: a', 'event: message', 'id: b', `data: ${RESULT}`])],
  ])('is delivered when its only event is here, before its end: %s', async (_name, text) => {
    const [alone, ours] = await both(sdk, [bytes(text), 'turn']);
    expect(ours).toEqual(alone);
    expect(ours.at(-1)).toEqual(['message', JSON.parse(RESULT)]);
  });

  it.each([
    ['without a stream where its end comes along', [bytes(USUAL), 'end'], 0],
    ['by the SDK where its end comes later', [bytes(USUAL), 'turn', 'end'], 1],
    ['by the SDK where more comes along', [bytes(USUAL), bytes(': bye\n'), 'end'], 1],
  ] as [string, Step[], number][])('is read %s', async (_name, steps, opened) => {
    const side = ourSide();
    const { linked } = SDKS[sdk] as (typeof SDKS)[string];
    expect(await trace(linked() as Transport, side, steps)).toHaveLength(2);
    expect(side.opened?.()).toBe(opened);
  });

  it('is delivered once to a listener that is set after the start', async () => {
    const side = ourSide();
    const { linked } = SDKS[sdk] as (typeof SDKS)[string];
    const transport = linked() as Transport;
    await transport.start();
    const seen: unknown[] = [];
    transport.onmessage = (message) => void seen.push(message);
    transport._handleSseStream(side.stream, {}, false);
    for (const step of [USUAL, ': bye\n']) {
      side.write(bytes(step));
      await turns(4);
    }
    side.end();
    await turns(4);
    expect(seen).toEqual([JSON.parse(RESULT)]);
  });

  it('ends its stream where the listeners throw', async () => {
    const side = ourSide();
    const { linked } = SDKS[sdk] as (typeof SDKS)[string];
    const transport = linked() as Transport;
    await transport.start();
    const rejected = new Promise((resolve) => process.once('unhandledRejection', resolve));
    transport.onmessage = transport.onerror = () => {
      throw new Error('a listener');
    };
    transport._handleSseStream(side.stream, {}, false);
    side.write(bytes(USUAL));
    side.end();
    expect(String(await rejected)).toContain('a listener');
    expect(side.opened?.()).toBe(0);
  });

  it('is the same, wherever it is cut in two', async () => {
    const whole = bytes(USUAL);
    for (let at = 1; at < whole.length; at++) {
      const steps: Step[] = [whole.subarray(0, at), 'turn', whole.subarray(at), 'end'];
      const [alone, ours] = await both(sdk, steps);
      expect(ours, `cut at ${at}`).toEqual(alone);
      expect(ours).toHaveLength(2);
    }
  });

  it.each([
    ['a second result', [USUAL, 'turn', event([`data: ${rpc({ id: 2, result: {} })}`]), 'end']],
    ['the same result', [USUAL, 'turn', USUAL, 'turn', USUAL, 'end']],
    ['another event, and no end', [USUAL, 'turn', event(['id: 60', 'data: {}'])]],
    ['a broken connection', [USUAL, 'turn', 'fail']],
    ['a broken connection, in the same breath', [USUAL, 'fail']],
    ['an event that is not complete, and a broken connection', [USUAL, 'turn', 'data: {', 'fail']],
    ['a time to wait', [USUAL, 'turn', 'retry: 17\n\n', 'turn', 'end']],
  ])('may be followed by %s', async (_name, steps) => {
    const given = steps.map((one) => (/^(turn|end|fail)$/.test(one) ? one : bytes(one)) as Step);
    const [alone, ours] = await both(sdk, given);
    expect(ours).toEqual(alone);
    expect(ours[1]).toEqual(['message', JSON.parse(RESULT)]);
  });

  it.each([
    ['no message', event(['data: {"a":1}'])],
    ['no JSON', event(['id: 5f', 'data: {'])],
    ['an error', event(['id: 5f', `data: ${rpc({ id: 1, error: { code: -1, message: 'no' } })}`])],
    ['a notification', event(['id: 5f', `data: ${rpc({ method: 'notifications/a' })}`])],
    ['several lines', event(['data: {"jsonrpc": "2.0",', 'data: "id": 1, "result": {}}'])],
    ['another type', event(['event: other', `data: ${RESULT}`])],
    ['a comment before it', event([': hello', `data: ${RESULT}`])],
    ['a byte order mark before it', `\ufeff${USUAL}`],
    ['CR at the ends of its lines', event([`data: ${RESULT}`], '\r')],
    ['an id that is none', event(['id: a\0b', `data: ${RESULT}`])],
    ['an empty id', event(['id: ', `data: ${RESULT}`])],
    ['nothing', ''],
    ['an event without data', event(['id: 5f'])],
    ['an event with empty data', event(['id: 5f', 'retry: 9', 'data: '])],
  ])('is read as the SDK reads it where it is %s', async (_name, text) => {
    for (const end of ['end', 'fail'] as const) {
      const [alone, ours] = await both(sdk, [bytes(text), 'turn', end]);
      expect(ours).toEqual(alone);
    }
  });

  it('is delivered and reported as by the SDK where a listener throws', async () => {
    for (const text of [USUAL, event([`data: ${RESULT}`])]) {
      const [alone, ours] = await both(sdk, [bytes(text), 'turn', 'end'], true);
      // A listener that throws is asked once more before the SDK gives up.
      expect(ours.slice(ours.length - alone.length)).toEqual(alone);
    }
  });

  it('is the same for any events in any pieces', async () => {
    const line = fc.oneof(
      { weight: 4, arbitrary: fc.constant(`data: ${RESULT}`) },
      fc.constantFrom('event: message', 'event: other', 'id: 1', 'id: 2', 'retry: 5', ': c', ''),
      fc.constantFrom('data: {}', `data: ${rpc({ method: 'notifications/a' })}`, 'data'),
    );
    const eol = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r');
    const text = fc
      .array(fc.tuple(line, eol, fc.boolean()), { maxLength: 6 })
      .map((lines) => lines.map(([one, end, ends]) => one + end + (ends ? end : '')).join(''));
    const cuts = fc.array(fc.tuple(fc.nat(400), fc.boolean()), { maxLength: 3 });
    const last = fc.constantFrom<Step | undefined>('end', 'fail', undefined);
    await fc.assert(
      fc.asyncProperty(text, cuts, last, async (whole, at, end) => {
        const steps: Step[] = [];
        let rest = bytes(whole);
        for (const [size, turn] of at) {
          if (size > 0 && size < rest.length) {
            steps.push(rest.subarray(0, size));
            rest = rest.subarray(size);
          }
          if (turn) steps.push('turn');
        }
        if (rest.length > 0) steps.push(rest);
        steps.push('turn', ...(end === undefined ? [] : [end]));
        const [alone, ours] = await both(sdk, steps);
        expect(ours).toEqual(alone);
      }),
      { numRuns: 300 },
    );
  });
});
