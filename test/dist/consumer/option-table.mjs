// Every option of every entry, with every mistake that can be made with it: each has to be a typed error when
// the thing is made. The options are those that the entry itself says it knows, so none can be forgotten here.
// Plain JavaScript, so that it runs over the sources and over the built package, ESM and CJS alike.

const URL = 'https://127.0.0.1:9/mcp';
const CANARY = 'canary-of-a-secret';
const NOBODY = 'qqzzxxjj';

/** Options for which `null` means something. */
const NULLABLE = new Set(['trust', 'clientCertificate', 'expiresAt']);

/** Where trust, identity or credentials are meant, or nothing works without: `undefined` is an unset variable. */
const NEVER_UNDEFINED = new Set(
  `trust tls origins auth allowAddress clientFactory ca authority roots pins identity serverName allowExpired
   clientCertificate crl minVersion passphrase cert key expectFingerprint store keys retiredKeys storage namespace
   C ST L O OU CN id wrap unwrap backend invalidation url expiresAt certificate ifRevision username password`.split(
    /\s+/,
  ),
);

/** ... but for these: nothing is trusted for their absence. */
const MAY_BE_UNDEFINED = new Set([
  'registry.register expectFingerprint',
  'registry.renew expectFingerprint',
  'createStoredCertificate certificate',
  'startTlsServer minVersion',
  'startMcpServer minVersion',
  'heldCertificate key',
  'heldCertificate isCa',
]);

/** What is no secret, and is named: a path; and the kit's own names and addresses. */
const MAY_BE_SHOWN = /^(registry\.certificateFile|heldCertificate)/;

/** All entries. `base`: what is valid; `inside`: objects within, with what is valid there. */
async function makeEntries({ index, redis, store: parts, testing, v2 }) {
  const held = await testing.heldCertificate();
  const pem = held.pem;
  const key = { id: 'k', key: new Uint8Array(32) };
  const store = index.createCertificateStore({
    keys: key,
    storage: new Map(),
    whenEmpty: 'create',
  });
  await store.set('a', { url: URL, trust: pem });
  const registry = index.createServerRegistry({ store, timeout: { connectMs: 500 } });
  const factory = index.makeCustomClientFactory(pem);
  const server = await testing.startTlsServer({ certificate: held });
  const timeout = {};
  const proxy = { url: 'https://127.0.0.1:9' };
  const auth = { username: 'u', password: 'p' };
  const clientCertificate = { cert: pem, key: held.keyPem };
  const policy = { ca: pem };
  const entry = (name, base, call, inside = {}) => ({ name, base, call, inside });
  const runner = { describe() {}, it: Object.assign(() => {}, { skip() {} }) };
  const route = { timeout, proxy };
  const byId = { timeout, auth };
  const set = { ifRevision: 0 };
  const entries = [
    entry('makeCustomClientFactory', {}, (o) => index.makeCustomClientFactory(null, o), route),
    entry('trust', policy, (o) => index.makeCustomClientFactory(o), { clientCertificate }),
    entry('parseTrust', {}, (o) => index.parseTrust(null, o)),
    entry('checkTrust', policy, (o) => index.checkTrust(o), { clientCertificate }),
    entry('factory', { url: URL }, (o) => factory(o), byId),
    entry('factory.close', {}, (o) => index.makeCustomClientFactory(null).close(o)),
    entry('fetchPeerCertificate', {}, (o) => index.fetchPeerCertificate(URL, o), { proxy }),
    entry('secureConnect', { trust: null }, (o) => index.secureConnect(URL, o), {
      proxy,
      trust: policy,
    }),
    entry('streamableHttpClient', { trust: null }, (o) => index.streamableHttpClient(URL, o), {
      ...route,
      auth,
      trust: policy,
    }),
    entry('sseClient', { trust: null }, (o) => index.sseClient(URL, o), {
      ...route,
      auth,
      trust: policy,
    }),
    entry('v2 streamableHttpClient', { trust: null }, (o) => v2.streamableHttpClient(URL, o), {
      ...route,
      auth,
      trust: policy,
    }),
    entry('v2 sseClient', { trust: null }, (o) => v2.sseClient(URL, o), {
      ...route,
      auth,
      trust: policy,
    }),
    entry('v2 createServerRegistry', { store }, (o) => v2.createServerRegistry(o), route),
    entry('originFetch', {}, (o) => index.originFetch(() => null, undefined, o)),
    entry('registry.streamableHttpClient', {}, (o) => registry.streamableHttpClient('a', o), byId),
    entry('registry.sseClient', {}, (o) => registry.sseClient('a', o), byId),
    entry('createServerRegistry', { store }, (o) => index.createServerRegistry(o), route),
    entry('registry.register', {}, (o) => registry.register('b', URL, o), {
      trust: policy,
      clientCertificate,
    }),
    entry('registry.renew', {}, (o) => registry.renew('a', o)),
    entry('registry.update', {}, (o) => registry.update('a', o), {
      trust: policy,
      clientCertificate,
    }),
    entry('registry.inspect', {}, (o) => registry.inspect(URL, o)),
    entry('registry.check', {}, (o) => registry.check('a', o), { auth }),
    entry('registry.list', {}, (o) => registry.list(o)),
    entry('registry.watch', {}, (o) => registry.watch(o)),
    entry('registry.certificateFile', {}, (o) => registry.certificateFile('a', o)),
    entry('registry.close', {}, (o) => index.createServerRegistry({ store }).close(o)),
    entry(
      'clients of registry.clientFactory',
      {},
      async (o) => (await registry.clientFactory('a'))(o),
      byId,
    ),
    entry(
      'createCertificateStore',
      { keys: key, storage: new Map() },
      (o) => index.createCertificateStore(o),
      { cache: {}, timeout: {}, breaker: {}, keys: key },
    ),
    entry('store.set', set, (o) =>
      store.set('never', { url: URL, trust: pem }, o).finally(() => store.delete('never')),
    ),
    entry('store.list', {}, (o) => store.list(o)),
    entry('store.rewrap', {}, (o) => store.rewrap(o)),
    entry('createSealer', { keys: key, namespace: 'n' }, (o) => parts.createSealer(o), {
      keys: key,
    }),
    entry(
      'createStoredCertificate',
      { url: URL, trust: pem },
      (o) => parts.createStoredCertificate(o),
      { trust: policy },
    ),
    entry('createStorage', { backend: () => ({}) }, (o) => parts.createStorage(o)),
    entry('directoryStorage', {}, (o) => index.directoryStorage('/tmp/mcp-tls-none', o)),
    entry('redisStorage', {}, (o) => redis.redisStorage('redis://127.0.0.1:9', o)),
    entry('wrappedKeyProvider', { wrap() {}, unwrap() {} }, (o) => parts.wrappedKeyProvider(o)),
    entry('heldCertificate', {}, (o) => testing.heldCertificate(o), {
      subject: {},
      nameConstraints: {},
    }),
    entry('startTlsServer', { certificate: held }, (o) => testing.startTlsServer(o)),
    entry('startMcpServer', { certificate: held }, (o) => testing.startMcpServer(o)),
    entry('startInterceptor', { certificate: held }, (o) =>
      testing.startInterceptor(server.url, o),
    ),
    entry('server.rotate', {}, (o) => server.rotate(held, o)),
    entry('pinningBattery', { include: [] }, (o) => testing.pinningBattery(() => fetch, o)),
    entry('definePinningTests', { include: [] }, (o) =>
      testing.definePinningTests(runner, () => fetch, o),
    ),
    entry('formatReport', {}, (o) =>
      testing.formatReport(testing.formatReport.length ? REPORT : REPORT, 'text', o),
    ),
  ];
  return {
    entries,
    async close() {
      await registry.close();
      await store.close();
      await factory.close();
      await server.close();
    },
  };
}

const COUNT = { passed: 0, failed: 0, pending: 0, notMade: 0 };
const REPORT = {
  passed: true,
  node: 'v',
  durationMs: 0,
  attacks: COUNT,
  works: COUNT,
  results: [],
};

/** What became of one call: our code, or what it was instead. */
async function outcomeOf(call, options) {
  try {
    const made = await call(options);
    await (made?.close ?? (() => {})).call(made);
    return { code: 'accepted', message: '' };
  } catch (error) {
    return {
      code: error?.code ?? `${error?.name}`,
      name: error?.name,
      message: `${error?.message}`,
    };
  }
}

/** The fields that an object says it knows. */
async function knownFields(call, base) {
  const { message } = await outcomeOf(call, { ...base, [NOBODY]: 1 });
  const list = /\(known: ([^)]*)\)/.exec(message)?.[1];
  if (list === undefined) throw new Error(`no list of what is known: ${message}`);
  return list.split(', ');
}

/** Values out of range, by what the option says that it must be. */
function outOfRange(must) {
  if (/milliseconds/.test(must)) return [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5'];
  const whole = /whole number from (\d+)(?: to (\d+))?/.exec(must);
  if (whole)
    return [Number(whole[1]) - 1, 1.5, Number(whole[2] ?? Number.MAX_SAFE_INTEGER) + 1, '5'];
  if (/one of /.test(must)) return ['another', ''];
  if (/true or false/.test(must)) return ['true', 1, 0];
  if (/non-empty/.test(must)) return ['', 5];
  if (/Date/.test(must)) return [new Date(Number.NaN), '2030-01-01', 0];
  if (/function/.test(must)) return ['a function', {}];
  return [5];
}

/** @returns the rows, each with what was expected and what came */
export async function optionTable(modules) {
  const { entries, close } = await makeEntries(modules);
  const rows = [];
  const refused = ({ code, name }) =>
    code === 'MCP_TLS_INVALID_ARGUMENT' ||
    code === 'MCP_TLS_INVALID_CERTIFICATE' ||
    code === 'MCP_TLS_UNSUPPORTED_ALGORITHM'
      ? name === 'TlsConfigError'
      : false;
  async function row(entry, mistake, option, call, options, expected = 'refused') {
    const outcome = await outcomeOf(call, options);
    const wasRefused = refused(outcome);
    const leaks = outcome.message.includes(CANARY) && !MAY_BE_SHOWN.test(entry);
    const ok = !leaks && (expected === 'any' || wasRefused === (expected === 'refused'));
    rows.push({
      entry,
      mistake,
      option,
      expected,
      ok,
      code: outcome.code,
      message: outcome.message,
    });
  }
  async function oneObject(name, base, call, outerName) {
    const fields = await knownFields(call, base);
    await row(name, 'unknown', NOBODY, call, { ...base, [NOBODY]: CANARY });
    for (const input of [null, 'text', 5, [], new Map(), Promise.resolve({}), () => {}]) {
      // A policy may be null or text, a proxy text, a token text or a function; keys may be a list.
      const may = /trust|proxy|auth|keys|store\.set|clientCertificate/i.test(name)
        ? 'any'
        : 'refused';
      await row(name, 'no object', String(typeof input), call, input, may);
    }
    for (const option of fields) {
      const misspelt = option.slice(0, -1) + (option.length < 3 ? 'q' : '');
      if (!fields.includes(misspelt)) {
        await row(name, 'misspelt', option, call, { ...base, [misspelt]: CANARY });
      }
      const nullable =
        NULLABLE.has(option) && outerName !== 'trust' && name !== 'trust' && name !== 'checkTrust';
      await row(
        name,
        'null',
        option,
        call,
        { ...base, [option]: null },
        nullable ? 'any' : 'refused',
      );
      const never = NEVER_UNDEFINED.has(option) && !MAY_BE_UNDEFINED.has(`${name} ${option}`);
      await row(
        name,
        'undefined',
        option,
        call,
        { ...base, [option]: undefined },
        never ? 'refused' : 'accepted',
      );
      await row(name, 'another type', option, call, { ...base, [option]: Symbol(CANARY) });
      for (const value of [[CANARY], { [NOBODY]: CANARY }, CANARY]) {
        await row(name, 'shown nowhere', option, call, { ...base, [option]: value }, 'any');
      }
      const { message } = rows.findLast(
        (one) => one.entry === name && one.mistake === 'another type',
      );
      for (const value of outOfRange(/must be (.*); received/.exec(message)?.[1] ?? '')) {
        await row(name, 'out of range', option, call, { ...base, [option]: value });
      }
    }
    return fields;
  }
  for (const { name, base, call, inside } of entries) {
    const fields = await oneObject(name, base, call);
    for (const [field, valid] of Object.entries(inside)) {
      const within = (value) => call({ ...base, [field]: value });
      const names = await oneObject(`${name} ${field}`, valid, within, field);
      for (const one of names) {
        if (!fields.includes(one))
          await row(name, 'misplaced', `${field}.${one}`, call, { ...base, [one]: CANARY });
      }
      for (const one of fields) {
        if (!names.includes(one))
          await row(`${name} ${field}`, 'misplaced', one, within, { ...valid, [one]: CANARY });
      }
    }
  }
  await close();
  return rows;
}

/** The table in a few lines: how many of each mistake, and what is wrong. */
export function summary(rows) {
  const counts = {};
  for (const { mistake } of rows) counts[mistake] = (counts[mistake] ?? 0) + 1;
  const wrong = rows.filter(({ ok }) => !ok);
  const places = rows.filter(
    ({ mistake, message }) =>
      mistake === 'misplaced' && /belongs? (in|to)|did you mean|it is|they belong/.test(message),
  );
  const meant = rows.filter(
    ({ mistake, option, message }) =>
      mistake === 'misspelt' && message.includes(`did you mean '${option}'`),
  );
  return {
    rows: rows.length,
    entries: new Set(rows.map(({ entry }) => entry)).size,
    counts,
    toldWhere: places.length,
    toldWhich: meant.length,
    wrong,
  };
}
