import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/waiting.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { bridgeOverPipes, type StdioPair } from '../support/stdio-pair.js';

/** The bridge to stdio, of messages whose ids or form can be read in two ways. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Script = Parameters<typeof startScriptedServer>[0];
type Transport = 'auto' | 'http';

async function start(
  script: Script = {},
  transport: Transport = 'http',
): Promise<{ server: ScriptedServer; bridge: StdioPair; lines: string[] }> {
  const server = await startScriptedServer(script);
  closers.push(() => server.tls.close());
  const { url, pem } = server;
  const bridge = bridgeOverPipes({ url, trust: pem, transport, graceMs: 50 });
  closers.push(() => bridge.end());
  const lines: string[] = [];
  bridge.output.on('data', (chunk) => lines.push(...String(chunk).split('\n').filter(Boolean)));
  bridge.input.write('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}\n');
  await eventually(() => expect(lines.length).toBe(1));
  if (transport === 'http') lines.splice(0);
  return { server, bridge, lines };
}

const asked = ({ posted }: ScriptedServer) => posted.map(({ method }) => method);

describe('the bridge to stdio', () => {
  it.each(['9007199254740993', '-9007199254740992', '1e400', '-1e400', '1e20'])(
    'refuses a request with the id %s, which is not read as it is written, under that id',
    async (id) => {
      const { server, bridge, lines } = await start();
      bridge.input.write(`{"params":{"id":5},"jsonrpc":"2.0","id":7,"id": ${id} ,"method":"x"}\n`);
      await eventually(() => expect(lines.length).toBe(1));
      expect(lines[0]).toContain(`"id":${id},`);
      expect(lines[0]).toMatch(/"code":-32600.*id/);
      expect(asked(server)).toEqual(['initialize']);
    },
  );

  it('answers each request of a list in which another message is none, and sends nothing', async () => {
    const { server, bridge, lines } = await start();
    const list = [
      { jsonrpc: '2.0', id: 41, method: 'a' },
      { id: 42, method: 'b' },
      { jsonrpc: '2.0', id: 'c', method: 'c' },
      { jsonrpc: '2.0', method: 'notifications/x' },
      5,
    ];
    const text = JSON.stringify(list).replace('5]', '{"jsonrpc":"2.0","id":1e400,"method":"d"},5]');
    bridge.input.write(`${text}\n`);
    await eventually(() => expect(lines.length).toBe(5));
    const ids = lines.map((line) => /"id":([^,]*),/.exec(line)?.[1]);
    expect(ids.sort()).toEqual(['"c"', '1e400', '41', '42', 'null']);
    for (const line of lines) expect(line).toMatch(/"code":-32600/);
    expect(asked(server)).toEqual(['initialize']);
  });

  it('answers each request of a list in which two have one id, that id once', async () => {
    const { bridge, lines } = await start();
    const one = (id: number) => ({ jsonrpc: '2.0', id, method: 'x' });
    bridge.input.write(`${JSON.stringify([one(30), one(31), one(31)])}\n`);
    await eventually(() => expect(lines.length).toBe(2));
    expect(lines.map((line) => JSON.parse(line).id)).toEqual([30, 31]);
  });

  it('answers nothing twice where a list that is refused has an id that waits', async () => {
    const { bridge, lines, server } = await start({
      post: (one) => {
        if (one.method !== 'slow') return undefined;
        setTimeout(() => one.json({ jsonrpc: '2.0', id: one.id, result: {} }), 300);
        return true;
      },
    });
    bridge.input.write('{"jsonrpc":"2.0","id":1,"method":"slow"}\n');
    await eventually(() => expect(asked(server)).toContain('slow'));
    bridge.input.write('[{"jsonrpc":"2.0","id":1,"method":"a"},5]\n');
    await eventually(() => expect(lines.some((line) => line.includes('"result"'))).toBe(true));
    expect(lines.filter((line) => line.includes('"id":1,')).length).toBe(1);
  });

  it.each(['result', 'error'])(
    'hands no message on that is a request and has a %s, and fails the call whose id it has',
    async (field) => {
      const { bridge, lines } = await start({
        post: (one) =>
          one.method === 'both'
            ? one.json({ jsonrpc: '2.0', id: one.id, method: 'ping', [field]: { forged: 1 } })
            : undefined,
      });
      bridge.input.write('{"jsonrpc":"2.0","id":1,"method":"both"}\n');
      await eventually(() => expect(lines.length).toBe(1));
      await bridge.end();
      expect(lines.length).toBe(1);
      expect(lines[0]).toMatch(/"id":1,"error".*"no-answer"/);
      expect(lines[0]).not.toContain('forged');
      expect(bridge.reports.join()).toContain('no JSON-RPC');
    },
  );

  it('reports where a stream of HTTP with SSE leads, and not what the first try met', async () => {
    const { lines } = await start(
      {
        post: (one) => one.response.writeHead(405).end() && true,
        get: (_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(': x\n\nretry: 5\n\nevent: endpoint\ndata: https://evil.example/x\n\n');
        },
      },
      'auto',
    );
    expect(lines[0]).toMatch(/another origin.*"reason":"bad-answer"/);
  });
});
