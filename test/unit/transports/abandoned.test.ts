import { afterEach, describe, expect, it, vi } from 'vitest';
import { cancelledCall, sendCancellation } from '../../../src/transports/cancellation.js';
import { GivenUpCalls } from '../../../src/transports/given-up.js';
import type { ServerLink } from '../../../src/transports/link.js';
import { OpenAnswers } from '../../../src/transports/open-answers.js';
import { requestsIn } from '../../../src/transports/rpc-messages.js';
import { StreamPacing } from '../../../src/transports/stream-pacing.js';
import { ABANDONED, isAbandoned, RequestsUnderWay } from '../../../src/transports/under-way.js';

afterEach(() => {
  vi.useRealTimers();
});

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call' });
const post = (body: unknown, signal?: AbortSignal): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  ...(signal === undefined ? {} : { signal }),
});

describe('requests under way', () => {
  it('end with their call, and no other does', () => {
    const requests = new RequestsUnderWay();
    const [one, two] = [call(1), call(2)].map((message) => requests.begin(post(message)));
    requests.abandon(2);
    expect(one?.init.signal?.aborted).toBe(false);
    expect(two?.init.signal?.reason).toBe(ABANDONED);
  });

  it('of a batch end when all their calls were given up', () => {
    const requests = new RequestsUnderWay();
    const batch = requests.begin(post([call(1), call(2)]));
    requests.abandon(1);
    expect(batch?.init.signal?.aborted).toBe(false);
    requests.abandon(2);
    expect(batch?.init.signal?.aborted).toBe(true);
  });

  it.each([
    { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
    { jsonrpc: '2.0', id: 7, result: {} },
  ])('of a batch that carries more than calls do not end, nor are they kept back: %j', (more) => {
    const requests = new RequestsUnderWay();
    const batch = requests.begin(post([call(1), more]));
    requests.abandon(1);
    expect(batch?.init.signal?.aborted).toBe(false);
    const givenUp = new GivenUpCalls();
    givenUp.add(1);
    expect(givenUp.areAllIn(post([call(1), more]))).toBe(false);
    expect(givenUp.areAllIn(post([call(1)]))).toBe(true);
  });

  it('that carry an answer of ours, or no message, are those of no call', () => {
    const requests = new RequestsUnderWay();
    const bodies = ['{"id":1,"result":{}}', '{"client_name":"x"}', 'grant_type=refresh_token', '1'];
    const begun = bodies.map((body) => requests.begin({ method: 'POST', body }));
    requests.abandon(1);
    expect(begun.map((one) => one?.init.signal?.aborted)).toEqual(bodies.map(() => false));
  });

  it('follow the signal of their session, which gets one listener', () => {
    const session = new AbortController();
    const listen = vi.spyOn(session.signal, 'addEventListener');
    const requests = new RequestsUnderWay();
    const begun = [1, 2, 3].map((id) => requests.begin(post(call(id), session.signal)));
    begun[0]?.done();
    session.abort('closed');
    expect(listen).toHaveBeenCalledTimes(1);
    expect(begun.map((one) => one?.init.signal?.reason)).toEqual([undefined, 'closed', 'closed']);
    expect(requests.begin(post(call(4), session.signal))).toBeUndefined();
  });
});

it('what the SDKs say of the request of a call that was given up is known as that', () => {
  for (const text of [
    `SSE stream disconnected: ${ABANDONED}`,
    `Failed to reconnect SSE stream: ${ABANDONED.message}`,
  ]) {
    expect(isAbandoned(new Error(text))).toBe(true);
  }
  expect(isAbandoned(ABANDONED)).toBe(true);
  expect(isAbandoned(new Error(`Tool: ${ABANDONED.message}`))).toBe(false);
  expect(isAbandoned(new Error('Failed to reconnect SSE stream: refused'))).toBe(false);
});

it('an answer whose id is the text of a number is that to the request of this number', async () => {
  const answers = new OpenAnswers();
  const delivered: unknown[] = [];
  const transport = { onmessage: (message: unknown) => void delivered.push(message) };
  answers.watch(transport);
  for (const id of [1, 2]) await answers.whileSending(call(id), async () => {});
  const answer = { jsonrpc: '2.0', id: '1', result: {} };
  transport.onmessage(answer);
  expect(answers.has(call(1))).toBe(false);
  expect(answers.has(call(2))).toBe(true);
  expect(delivered).toEqual([answer]);
});

describe('a cancellation', () => {
  it('is known by its method', () => {
    const params = { requestId: 7, reason: 'x' };
    expect(cancelledCall({ jsonrpc: '2.0', method: 'notifications/cancelled', params })).toBe(7);
    for (const other of [call(7), [], null, { method: 'notifications/cancelled' }, { id: 7 }]) {
      expect(cancelledCall(other)).toBeUndefined();
    }
  });

  it('that the server does not take is given up itself', async () => {
    vi.useFakeTimers();
    const ended: [string, Error][] = [];
    const abandoned: unknown[] = [];
    const link = {
      abandon: (id: unknown) => abandoned.push(id),
      endRequest: (body: string, reason: Error) => {
        ended.push([body, reason]);
        fail(reason);
      },
    } as unknown as ServerLink;
    let fail: (reason: Error) => void = () => {};
    const send = () =>
      new Promise<void>((_resolve, reject) => {
        fail = reject;
      });
    const server = new URL('https://a.example/mcp');
    const message = { method: 'notifications/cancelled', params: { requestId: 7 } };
    const parts = { server, link, answers: new OpenAnswers() };
    const sending = sendCancellation(parts, 7, message, send).catch((error) => error);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(await sending).toMatchObject({ code: 'MCP_TLS_TIMEOUT', host: 'a.example' });
    expect(ended.map(([body]) => body)).toEqual([JSON.stringify(message)]);
    expect(abandoned).toEqual([7]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the stream of a call that was given up', () => {
  const open = async (): Promise<OpenAnswers> => {
    const answers = new OpenAnswers();
    await answers.whileSending(call(1), async () => {});
    return answers;
  };

  it('is not wanted after its last event, once', async () => {
    const answers = await open();
    answers.resumable(call(1), 'a');
    answers.resumable(call(1), 'b');
    answers.abandon(1);
    expect(answers.size).toBe(0);
    expect(['a', 'b', 'b', undefined].map((id) => answers.isUnwanted(id))).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  it('is asked for without an event where it was taken up again and brought none', async () => {
    const answers = await open();
    answers.resumable(call(1), 'a');
    expect(answers.callAfter('a')).toBe(1);
    expect(answers.callAfter('x')).toBeUndefined();
    answers.resumed('a');
    answers.abandon(1);
    expect([undefined, undefined].map((id) => answers.isUnwanted(id))).toEqual([true, false]);
  });

  it('is asked for by its event again where the request for it was ended before its head', async () => {
    const answers = await open();
    answers.resumable(call(1), 'a');
    expect(answers.callAfter('a')).toBe(1);
    answers.abandon(1);
    expect([undefined, 'a'].map((id) => answers.isUnwanted(id))).toEqual([false, true]);
  });

  it('is forgotten where there are a thousand of them', async () => {
    const answers = new OpenAnswers();
    for (let id = 0; id <= 1000; id++) {
      await answers.whileSending(call(id), async () => {});
      answers.resumable(call(id), `event ${id}`);
      answers.abandon(id);
    }
    expect(answers.isUnwanted('event 0')).toBe(false);
    expect(answers.isUnwanted('event 1')).toBe(true);
  });
});

it('event streams are asked for ten times at once, and then once a second', () => {
  const pacing = new StreamPacing();
  const waits = Array.from({ length: 12 }, () => pacing.next(5_000));
  expect(waits).toEqual([...Array(10).fill(0), 1000, 2000]);
  expect(pacing.next(7_000)).toBe(1000);
  expect(pacing.next(60_000)).toBe(0);
  let asked = 0;
  for (let now = 100_000; now < 160_000; asked++) now += pacing.next(now) + 1;
  expect(asked).toBeLessThan(75);
});

it('streams of separate calls are paced apart, each of them and the standing one', () => {
  const pacing = new StreamPacing();
  const first = Array.from({ length: 1000 }, (_, call) => pacing.next(5_000, call));
  expect(new Set(first)).toEqual(new Set([0]));
  expect(pacing.next(5_000)).toBe(0);
  const again = Array.from({ length: 11 }, () => pacing.next(5_000, 7));
  expect(again).toEqual([...Array(9).fill(0), 1000, 2000]);
  expect(pacing.next(5_000, 8)).toBe(0);
});

it('a body that is no message holds no request', () => {
  for (const body of ['', 'grant_type=refresh_token', 'null', '[null, 1]', '{"id":1}']) {
    expect(requestsIn(body)).toEqual([]);
  }
  expect(requestsIn(JSON.stringify([call(1), call(2)])).map(({ id }) => id)).toEqual([1, 2]);
});
