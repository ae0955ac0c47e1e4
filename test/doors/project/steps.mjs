// What a user of the package does, with the modules given: the same behind every door. Behind the doors of
// runtimes that cannot verify as Node.js does (DOOR_CLOSED), whatever connects has to be refused for that.
export async function runSteps({ mcp, testing, Client, env }) {
  const told = [];
  const closed = env.DOOR_CLOSED !== undefined;
  const step = async (name, action) => {
    try {
      await action();
      told.push(`${name} ok`);
    } catch (error) {
      told.push(`${name} ${String(error?.stack ?? error).slice(0, 600)}`);
    }
  };
  const callTool = async (transport) => {
    const client = new Client({ name: 'door', version: '1.0.0' });
    try {
      await client.connect(transport);
      const { content } = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
      same(content[0].text, '5');
    } finally {
      await client.close();
    }
  };

  const connects = (name, action) =>
    step(name, () => (closed ? refusedForRuntime(action) : action()));
  const refusedForRuntime = async (action) => {
    const error = await rejection(Promise.resolve().then(action));
    same(mcp.explainTlsError(error)?.code, 'MCP_TLS_UNSUPPORTED_RUNTIME');
  };
  const trust = env.DOOR_PEM;
  await connects('http', () => callTool(mcp.streamableHttpClient(env.DOOR_URL, { trust })));
  await connects('sse', () => callTool(mcp.sseClient(env.DOOR_SSE_URL, { trust })));
  await connects('impostor', async () => {
    const transport = mcp.streamableHttpClient(env.DOOR_IMPOSTOR_URL, { trust });
    const error = await rejection(callTool(transport));
    same(mcp.explainTlsError(error)?.code, 'MCP_TLS_SELF_SIGNED');
  });
  await step('describe', async () => {
    const { fingerprint, isSelfSigned } = await mcp.describeCertificate(env.DOOR_PEM);
    same(fingerprint, env.DOOR_FINGERPRINT);
    same(isSelfSigned, true);
  });
  await step('store', async () => {
    const store = mcp.createCertificateStore({
      keys: { id: 'door', key: Buffer.alloc(32, 7).toString('base64') },
      storage: mcp.directoryStorage(env.DOOR_FOLDER),
    });
    await store.initialize();
    await store.set('server', {
      url: env.DOOR_URL,
      trust: { ca: env.DOOR_PEM, authority: false },
      approvedBy: 'ops',
    });
    same((await store.get('server'))?.approvedBy, 'ops');
    same(await store.get('another'), undefined);
    await store.close();
  });
  await connects('kit', async () => {
    const certificate = await testing.heldCertificate();
    const server = await testing.startTlsServer({ certificate });
    try {
      const factory = mcp.makeCustomClientFactory(certificate.pem);
      same((await factory({ url: server.url })(server.url)).status, 200);
      await factory.close();
    } finally {
      await server.close();
    }
    // Behind the doors where `process.env` is a copy, the attacks on it cannot be made, and must not pass.
    const report = await testing.pinningBattery(
      ({ url, ...trust }) => {
        const client = mcp.makeCustomClientFactory(trust);
        return Object.assign(client({ url }), { close: () => client.close() });
      },
      { include: ['environment-chain', 'impostor-self-signed', 'key-p256'] },
    );
    const copied = (globalThis.jest ?? env.JEST_WORKER_ID) !== undefined;
    const got = report.results.map((result) => result.got).join(', ');
    same(got, `refused, ${copied ? 'not made' : 'refused'}, works`);
  });
  return told;
}

function same(actual, expected) {
  if (actual !== expected) throw new Error(`${actual} in place of ${expected}`);
}

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not refused');
}
