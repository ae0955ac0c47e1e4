import { assertKnownKeys, assertOneOf, invalidArgument } from '../assert.js';
import { fetchPeerCertificate, type PeerCertificate } from '../connect/fetch-peer-certificate.js';
import { assertId } from '../store/record-key.js';
import { makeTurns } from '../store/turns.js';
import { sseClient } from '../transports/sse-client.js';
import { streamableHttpClient } from '../transports/streamable-http-client.js';
import { APPROVAL_FIELDS, assertApproval } from './approve-certificate.js';
import { makeCertificateFiles } from './certificate-files.js';
import { checkServer } from './check-server.js';
import { registerServer, renewServer, updateServer } from './enrol-server.js';
import { type KnownServer, toRegisteredServer } from './known-server.js';
import { listServers } from './list-servers.js';
import { makeLiveClient } from './live-client.js';
import { readRegistryOptions, type ServerRegistryOptions } from './read-registry-options.js';
import { makeServerPools } from './server-pools.js';
import type {
  Approval,
  ApproveCertificate,
  RegisterOptions,
  ServerRegistry,
} from './server-registry.js';
import { tellsOfChanges } from './store-parts.js';
import { tryRecord } from './try-record.js';
import { makeServerWatching } from './watch-servers.js';

const REGISTER_FIELDS = [
  ...APPROVAL_FIELDS,
  'trust',
  'serverName',
  'clientCertificate',
  'replace',
] as const;

const CHANGE_FIELDS = [
  'url',
  'approvedBy',
  'expiresAt',
  'pins',
  'minVersion',
  'clientCertificate',
] as const;

interface InspectOptions {
  readonly serverName?: string | undefined;
  readonly ca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a registry of MCP servers over a store: register a server once, then ask for its transport by
 * id. Opens nothing until it is used.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const registry = createServerRegistry({ store });
 * await registry.register('billing', 'https://10.0.0.5:8443/mcp', { expectFingerprint });
 * await client.connect(await registry.streamableHttpClient('billing'));
 */
export function createServerRegistry(options: ServerRegistryOptions): ServerRegistry {
  const { store, approve, timeout, connectMs, route, guard, ...limits } =
    readRegistryOptions(options);
  const pools = makeServerPools({ store, route, timeout, ...limits });
  const files = makeCertificateFiles();
  // A store has no "write unless it was changed": two flows of this process over one record would each
  // write what they made of the old one. Of several processes the last writer wins.
  const inTurn = makeTurns();

  async function inspect(
    url: string | URL,
    { serverName, ca, signal }: InspectOptions = {},
  ): Promise<PeerCertificate> {
    await guard.check(new URL(readUrl(url)));
    const trust = ca === undefined ? {} : { trust: { ca, authority: true } };
    return fetchPeerCertificate(url, {
      ...route,
      serverName,
      timeout: connectMs,
      signal,
      ...trust,
    });
  }

  const tryOut = (server: Pick<KnownServer, 'record'>, signal?: AbortSignal) =>
    tryRecord(server, { route, guard, timeoutMs: connectMs, signal });
  const parts = { store, approve, inspect, tryOut };
  const watching = makeServerWatching({
    store,
    connectMs,
    known: pools.known,
    tryOut,
    inspect: ({ record: { url, serverName } }, signal) => inspect(url, { serverName, signal }),
    renew: async (id) => (await renew(id, {}, undefined)).server,
  });

  async function renew(
    id: string,
    approval: Approval,
    asked: ApproveCertificate | undefined,
  ): Promise<Awaited<ReturnType<typeof renewServer>>> {
    return inTurn(id, async () => {
      const known = await pools.known(id);
      const renewal = await renewServer({ ...parts, approve: asked }, known, approval);
      if (renewal.changed) await changed(id);
      return renewal;
    });
  }

  /** Where the store tells of it, the watches have heard. */
  function recordChanged(id: string): void {
    if (!tellsOfChanges(store)) watching.changed(id);
  }

  async function changed(id: string): Promise<void> {
    await pools.refresh(id);
    recordChanged(id);
  }

  async function factoryOf(id: string, holdsPool: boolean) {
    assertId(id);
    const server = await pools.known(id);
    return {
      server,
      factory: (init?: Parameters<typeof makeLiveClient>[1]) =>
        makeLiveClient({ pools, guard, server, holdsPool, onFailure: watching.failed }, init),
    };
  }

  async function transportParts<Options extends { endpoint?: string | undefined }>(
    id: string,
    given: Options,
  ) {
    for (const field of ['clientFactory', 'trust', 'origins']) {
      if (field in given) invalidArgument(`options.${field}: whom to trust is on record`);
    }
    const { endpoint, ...rest } = given;
    const { server, factory } = await factoryOf(id, true);
    const url = new URL(endpoint ?? '', server.record.url);
    if (endpoint === undefined) url.href = server.record.url;
    if (url.origin !== new URL(server.record.url).origin) {
      invalidArgument(`options.endpoint must be of the origin that '${id}' is registered with`);
    }
    return { url, options: { ...rest, clientFactory: factory } };
  }

  const registry: ServerRegistry = {
    async inspect(url, given = {}) {
      assertKnownKeys('options', given, ['serverName', 'signal']);
      return inspect(url, given);
    },
    async register(id, url, given = {}) {
      assertRegistration(id, given);
      const href = readUrl(url);
      return inTurn(id, async () => {
        const server = await registerServer(parts, id, href, given);
        await changed(id);
        return toRegisteredServer(server);
      });
    },
    async clientFactory(id) {
      return (await factoryOf(id, false)).factory;
    },
    async streamableHttpClient(id, given = {}) {
      const { url, options } = await transportParts(id, given);
      return streamableHttpClient(url, options);
    },
    async sseClient(id, given = {}) {
      const { url, options } = await transportParts(id, given);
      return sseClient(url, options);
    },
    async renew(id, approval = {}) {
      assertId(id);
      assertKnownKeys('approval', approval, APPROVAL_FIELDS);
      assertApproval(approval);
      const renewal = await renew(id, approval, approve);
      return Object.freeze({ ...renewal, server: toRegisteredServer(renewal.server) });
    },
    async revoke(id) {
      assertId(id);
      return inTurn(id, async () => {
        // Before and after: no connection outlives the wish, and none the fact.
        await pools.drop(id, 'this server was revoked');
        try {
          return await store.delete(id);
        } finally {
          await pools.drop(id, 'this server was revoked');
          await files.remove(id);
          recordChanged(id);
        }
      });
    },
    async update(id, changes) {
      assertId(id);
      assertKnownKeys('changes', changes, CHANGE_FIELDS);
      if (changes.url !== undefined) readUrl(changes.url);
      return inTurn(id, async () => {
        const server = await updateServer(parts, await pools.known(id), changes);
        await changed(id);
        return toRegisteredServer(server);
      });
    },
    async get(id) {
      assertId(id);
      return toRegisteredServer(await pools.known(id));
    },
    list: (given = {}) => listServers(store, pools.known, given),
    async check(id, given = {}) {
      assertId(id);
      const server = await pools.known(id);
      const { url, serverName } = server.record;
      return checkServer(
        id,
        {
          streamableHttp: (link) => registry.streamableHttpClient(id, link),
          sse: (link) => registry.sseClient(id, link),
          inspect: () => inspect(url, { serverName }),
          verify: async () => void (await tryOut(server)),
        },
        given,
      );
    },
    async certificateFile(id, given = {}) {
      assertId(id);
      assertKnownKeys('options', given, ['directory']);
      const { record } = await pools.known(id);
      return files.write(id, record.certificatePem, given.directory);
    },
    watch: (given = {}) => watching.open(given),
    async close() {
      await watching.close();
      await pools.close();
      await files.close();
    },
  };
  return Object.freeze(registry);
}

function assertRegistration(id: string, options: RegisterOptions): void {
  assertId(id);
  assertKnownKeys('options', options, REGISTER_FIELDS);
  assertApproval(options);
  const { trust, replace } = options;
  if (typeof trust === 'object') {
    assertKnownKeys('options.trust', trust, ['ca']);
    if (trust.ca === undefined) invalidArgument('options.trust.ca is missing');
  } else if (trust !== undefined) {
    assertOneOf('options.trust', trust, ['certificate', 'key']);
  }
  if (replace !== undefined && typeof replace !== 'boolean') {
    invalidArgument('options.replace must be true or false');
  }
}

function readUrl(input: string | URL): string {
  if (!URL.canParse(String(input))) invalidArgument('the URL of the server is not valid');
  const url = new URL(input);
  if (url.protocol !== 'https:') invalidArgument('the URL of the server must be an https: URL');
  if (url.username !== '' || url.password !== '') {
    invalidArgument('the URL of the server must not contain credentials');
  }
  return url.href;
}
