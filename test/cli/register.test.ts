import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heldCertificate, startTlsServer, type TlsServer } from '../../src/testing/index.js';
import { REGISTER } from './support/run-cli.js';
import { runNode } from './support/run-program.js';

/** `node --import mcp-tls/register`, in front of a program that knows only `fetch`. */

const PROGRAM = `
const [known, other, request] = process.argv.slice(1);
const ask = async (input, init) => {
  try { return (await fetch(input, init)).status } catch (error) { return error.cause?.code ?? String(error) }
};
console.log(JSON.stringify({
  text: await ask(known),
  url: await ask(new URL(known)),
  request: await ask(new Request(known, { method: 'POST', body: 'x' })),
  other: await ask(other),
  plain: await ask('data:text/plain,x'),
  wrong: await ask('not a url'),
  twice: await ask({ n: 0, toString() { return this.n++ === 0 ? other : known } }),
  throws: await ask({ toString() { throw new Error('no text') } }),
  ownUrl: await ask(Object.defineProperty(new Request(known), 'url', { value: other })),
  replaced: await (async () => {
    const native = new Request(known);
    globalThis.Request = class Request {};
    return ask(native);
  })(),
  name: fetch.name,
  keys: Object.keys(Object.getOwnPropertyDescriptor(globalThis, 'fetch')).sort(),
}));
`;

let folder: string;
let known: TlsServer;
let other: TlsServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-register-'));
  const certificate = await heldCertificate();
  known = await startTlsServer({ certificate });
  other = await startTlsServer({ certificate: await heldCertificate() });
  await writeFile(join(folder, 'ca.pem'), certificate.pem);
  await writeFile(join(folder, 'trust.json'), trustFile(known.url, { caFile: 'ca.pem' }));
});
afterAll(async () => {
  await known.close();
  await other.close();
  await rm(folder, { recursive: true });
});

function trustFile(url: string, tls: unknown): string {
  return JSON.stringify({ version: 1, servers: { known: { url, tls } } });
}

function run(file: string | undefined, env: Record<string, string> = {}) {
  const args = [
    '--import',
    REGISTER,
    '--input-type=module',
    '--eval',
    PROGRAM,
    known.url,
    other.url,
  ];
  return runNode(args, { ...(file !== undefined && { MCP_TLS_TRUST_FILE: file }), ...env });
}

describe('node --import mcp-tls/register', () => {
  it('has a program reach the origins of the trust file, and leaves all else to its own fetch', async () => {
    const { exited, output } = run(join(folder, 'trust.json'));
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(JSON.parse(output.stdout)).toEqual({
      text: 200,
      url: 200,
      request: 200,
      other: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      plain: 200,
      wrong: 'ERR_INVALID_URL',
      twice: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      throws: 'Error: no text',
      ownUrl: 200,
      replaced: 200,
      name: 'fetch',
      keys: ['configurable', 'enumerable', 'value', 'writable'],
    });
    expect(output.stderr).toBe('');
  });

  it('refuses an impostor at a named origin, also where the default roots would accept it', async () => {
    const file = join(folder, 'pinned.json');
    const pinned = { identity: 'pin', pins: `sha256/${'A'.repeat(43)}=` };
    await writeFile(file, trustFile(known.url, pinned));
    known.clearRecords();
    const { exited, output } = run(file, { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') });
    await exited;
    expect(JSON.parse(output.stdout)).toMatchObject({
      text: 'MCP_TLS_PIN_MISMATCH',
      url: 'MCP_TLS_PIN_MISMATCH',
      request: 'MCP_TLS_PIN_MISMATCH',
    });
    expect(known.records.requests).toEqual([]);
  });

  it('says what it does and what it cannot reach, when asked', async () => {
    const { exited, output } = run(join(folder, 'trust.json'), { MCP_TLS_REGISTER_REPORT: '1' });
    await exited;
    expect(output.stderr.split('\n').length).toBe(3);
    expect(output.stderr).toContain(known.url);
    expect(output.stderr).toContain('node:https');
  });

  it.each([
    ['is not named', undefined, 'MCP_TLS_TRUST_FILE is not set'],
    ['is named by an empty variable', '', 'MCP_TLS_TRUST_FILE is not set'],
    ['is not there', 'missing.json', 'MCP_TLS_INVALID_ARGUMENT'],
    ['is no JSON', '{', 'MCP_TLS_INVALID_ARGUMENT'],
    ['has an unknown field', '{"version":1,"servers":{},"x":1}', 'MCP_TLS_INVALID_ARGUMENT'],
    [
      'would switch verification off',
      '{"version":1,"servers":{"a":{"url":"https://a","tls":{"rejectUnauthorized":false}}}}',
      'MCP_TLS_INVALID_ARGUMENT',
    ],
    [
      'names a certificate that is not there',
      '{"version":1,"servers":{"a":{"url":"https://a","tls":{"caFile":"no.pem"}}}}',
      'MCP_TLS_INVALID_',
    ],
  ])('ends before the program where the trust file %s', async (_, given, says) => {
    const file = join(folder, 'given.json');
    if (given?.startsWith('{')) await writeFile(file, given);
    const path = given?.startsWith('{') ? file : given && join(folder, given);
    const { exited, output } = run(path);
    expect((await exited).code).toBe(64);
    expect(output.stdout).toBe('');
    expect(output.stderr).toContain(says);
  });
});
