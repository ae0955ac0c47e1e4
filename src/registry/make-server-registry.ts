import { invalidArgument } from '../assert.js';
import { type CloseOptions, readClose } from '../client/close-options.js';
import { addressOf } from '../connect/address-of.js';
import { clientRefused } from '../connect/connection-error.js';
import { type Inspection, inspectPeer } from '../connect/fetch-peer-certificate.js';
import { OWN, ROUTE_FIELDS, readRoute } from '../connect/route.js';
import { explainTlsError } from '../explain-tls-error.js';
import { plainCopy } from '../names-of.js';
import { isOptionsObject, refuse } from '../options.js';
import { trustOf } from '../store/record/parse-stored-certificate.js';
import { type CheckedServerTrust, serverTrust } from '../store/record/server-trust.js';
import { assertId } from '../store/record-key.js';
import { assertIsValid } from '../trust/client-certificate.js';
import { isUri } from '../trust/uri-identity.js';
import { makeCertificateFiles } from './certificate-files.js';
import { checkServer } from './check-server.js';
import { makeLiveClient } from './connect/live-client.js';
import { RegistryConnections } from './connect/registry-connections.js';
import { Enrolment, type InspectTarget } from './enrol/enrolment.js';
import { lookPolicy } from './enrol/registration.js';
import { listServers } from './list-servers.js';
import { MAX_ANSWER_BYTES } from './ping/ping-transport.js';
import {
  readApproval,
  readChanges,
  readCheck,
  readFile,
  readInspect,
  readRegistration,
  readUrl,
} from './read-arguments.js';
import { readRegistryOptions, type ServerRegistryOptions } from './read-registry-options.js';
import { toRegisteredServer } from './registered-server.js';
import { shownClientCertificate } from './shown-client-certificate.js';
import { trustNow } from './trust-now.js';
import type { RegisteredLinkOptions, RegistryClientFactory, ServerRegistry } from './types.js';
import { makeServerWatching } from './watch/watch-servers.js';

/** A registry, and what the entries make its transports of. */
export interface RegistryParts {
  readonly registry: ServerRegistry;
  /**
   * Where a transport of a registered server goes, and the options that it is made with.
   *
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for options that the record decides
   * @throws {RegistryError} `MCP_TLS_NOT_REGISTERED`
   */
  transportOptions<Options extends RegisteredLinkOptions>(
    id: string,
    options: Options,
  ): Promise<RegisteredTransport<Options>>;
}

/** What a transport of a registered server is made of. */
export interface RegisteredTransport<Options extends RegisteredLinkOptions> {
  readonly url: URL;
  /** At this moment. Each request is made under that of its own. */
  readonly trust: CheckedServerTrust;
  readonly options: Omit<Options, 'endpoint'> & { readonly clientFactory: RegistryClientFactory };
}

/** The registry itself, which needs no SDK. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function makeServerRegistry(options: ServerRegistryOptions): RegistryParts {
  const { store, approve, connectMs, route, bounds, ...limits } = readRegistryOptions(options);
  const connections = new RegistryConnections(store, { route, ...bounds }, limits);
  const files = makeCertificateFiles(isOver, connections.lookMs);
  const enrolment = new Enrolment({ store, approve, inspect });
  const trust = (id: string) => connections.trust(id);
  const watching = makeServerWatching({
    store,
    connectMs,
    trust,
    inspect: async (id, { record: { url, proxy }, policy }, signal) =>
      inspect({ id, url, policy, proxy }, signal),
    renew: async (id) => {
      const { changed } = await enrolment.renew(id, {}, false);
      if (changed) await recordChanged(id);
    },
    // Past the store's cache, which learns of it so.
    changedElsewhere: (id) =>
      void store
        .read(id)
        .then(() => lookAgain(id))
        .catch(ignore),
  });
  const unsubscribe = store.onChange?.((id) => void files.look(id)) ?? ignore;

  async function lookAgain(id: string): Promise<void> {
    await connections.refresh(id);
    await files.look(id);
  }

  /** Whether there is no trust in a server any more. What cannot be read now may be trusted still. */
  async function isOver(id: string): Promise<boolean> {
    try {
      await connections.trust(id);
      return false;
    } catch (error) {
      return OVER.has(explainTlsError(error)?.code);
    }
  }

  /** As a client under the policy connects. */
  async function inspect(
    target: InspectTarget,
    signal?: AbortSignal,
    timeoutMs: number = connectMs,
  ): Promise<Inspection> {
    const { id, url, policy, proxy, isApproved = false } = target;
    if (policy.clientCertificate !== undefined) assertIsValid(policy.clientCertificate, new Date());
    const { pathname, search } = new URL(url);
    const request = {
      ...addressOf(new URL(url)),
      policy,
      route: readRoute(proxy === undefined ? route : { ...route, proxy }, { ...OWN, id }),
      timeoutMs,
      signal,
      ...(isApproved ? { path: `${pathname}${search}` } : {}),
    };
    const name = isUri(policy.serverName) ? undefined : policy.serverName;
    return inspectPeer(request, policy, name);
  }

  /** Where the store reports it, the watches have heard. */
  async function recordChanged(id: string): Promise<void> {
    await connections.refresh(id);
    if (store.onChange === undefined) watching.changed(id);
  }

  async function factoryOf(id: string, holdsPool: boolean) {
    assertId(id);
    const trust = await connections.trust(id);
    const { url } = trust.record;
    const parts = { connections, id, url, holdsPool, onFailure: watching.failed };
    return {
      url,
      trust,
      factory: (init?: Parameters<typeof makeLiveClient>[1]) => makeLiveClient(parts, init),
    };
  }

  async function transportOptions<Options extends RegisteredLinkOptions>(
    id: string,
    input: Options,
  ): Promise<RegisteredTransport<Options>> {
    if (!isOptionsObject(input)) return refuse('options', 'an object', input);
    const given = plainCopy(input) as Options;
    // Where nobody's trust hangs on it, an unset one is one that is left out.
    const mayBeUnset = ['namedOrigins', ...Object.keys(ROUTE_FIELDS)];
    for (const field of ['clientFactory', 'trust', 'origins', ...mayBeUnset]) {
      const isLeftOut = given[field as keyof Options] === undefined && mayBeUnset.includes(field);
      if (field in given && !isLeftOut) {
        invalidArgument(`options.${field} cannot be set here: what is registered applies`);
      }
    }
    const { endpoint, ...rest } = given;
    if (endpoint !== undefined && typeof endpoint !== 'string') {
      refuse('options.endpoint', 'a URL, or a path', endpoint);
    }
    const server = await factoryOf(id, true);
    const url = URL.canParse(endpoint ?? '', server.url)
      ? new URL(endpoint ?? '', server.url)
      : refuse('options.endpoint', 'a URL, or a path', endpoint);
    if (`${url.username}${url.password}` !== '') {
      invalidArgument('options.endpoint must have no credentials: give auth');
    }
    if (url.origin !== new URL(server.url).origin) {
      invalidArgument(`options.endpoint must be of the origin that '${id}' is registered with`);
    }
    return { url, trust: server.trust, options: { ...rest, clientFactory: server.factory } };
  }

  async function close(options?: CloseOptions): Promise<void> {
    const graceMs = readClose('registry.close', options);
    unsubscribe();
    enrolment.close();
    await watching.close();
    await connections.close(graceMs);
    await files.close();
  }

  const registry: ServerRegistry = {
    async inspect(url, given = {}) {
      connections.assertOpen();
      const { signal, timeoutMs, ...name } = readInspect(given);
      const policy = lookPolicy(name);
      return (await inspect({ url: readUrl(url), policy }, signal, timeoutMs)).peer;
    },
    async register(id, url, given = {}) {
      const options = readRegistration(id, given);
      const record = await enrolment.register(id, readUrl(url), options);
      await recordChanged(id);
      return toRegisteredServer(id, serverTrust(record, 0));
    },
    async clientFactory(id) {
      return (await factoryOf(id, false)).factory;
    },
    async renew(id, given = {}) {
      const approval = readApproval(id, given);
      const { changed, sameKey, record } = await enrolment.renew(id, approval, true);
      if (changed) await recordChanged(id);
      return Object.freeze({
        changed,
        sameKey,
        server: toRegisteredServer(id, serverTrust(record, 0)),
      });
    },
    async revoke(id) {
      assertId(id);
      // Before and after the deletion: connections end at once, and none made in between survives.
      enrolment.revoked(id);
      await connections.revoked(id);
      try {
        return await store.delete(id);
      } finally {
        enrolment.revoked(id);
        await connections.revoked(id);
        if (store.onChange === undefined) watching.changed(id);
        await files.remove(id);
      }
    },
    async update(id, given) {
      const changes = readChanges(id, given);
      const record = await enrolment.update(id, changes);
      await recordChanged(id);
      return toRegisteredServer(id, serverTrust(record, 0));
    },
    async get(id) {
      assertId(id);
      return toRegisteredServer(id, await connections.trust(id));
    },
    list: (given = {}) => listServers(store, trust, given),
    async check(id, given = {}) {
      assertId(id);
      const options = readCheck(given);
      const startedAt = performance.now();
      const server = await connections.trust(id);
      const { url, proxy } = server.record;
      const { policy, error: sourceError } = trustNow(server);
      const { clientCertificate } = policy ?? {};
      const parts = {
        ...{ url, startedAt, sources: server.named.files, sourceError },
        clientCertificate: shownClientCertificate(clientCertificate, new Date()),
        clientRefused: () =>
          clientRefused({ ...addressOf(new URL(url)), clientCertificate }, undefined),
        link: async (given: RegisteredLinkOptions) => {
          const { url, options } = await transportOptions(id, given);
          const { clientFactory, ...own } = options;
          return {
            url,
            open: () => clientFactory({ ...own, url, maxBodyBytes: MAX_ANSWER_BYTES }),
          };
        },
        inspect: async (signal: AbortSignal) => {
          if (policy === undefined) throw sourceError;
          return inspect({ id, url, policy, proxy }, signal);
        },
      };
      return checkServer(id, parts, options);
    },
    async certificateFile(id, given = {}) {
      assertId(id);
      const { directory } = readFile(given);
      const { record } = await connections.trust(id);
      const pem = trustOf(record).policy.anchors[0]?.toString() ?? record.certificate?.pem;
      if (pem === undefined) {
        invalidArgument(`'${id}' is trusted by the default roots: it has no certificate to write`);
      }
      const file = await files.write(id, pem, directory);
      try {
        // It may have been revoked while the file was made.
        await connections.trust(id);
        return file;
      } catch (error) {
        await file.close();
        throw error;
      }
    },
    watch(given = {}) {
      connections.assertOpen();
      return watching.open(given);
    },
    stats: () => Object.freeze({ ...connections.stats(), watches: watching.count }),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
  return { registry: Object.freeze(registry), transportOptions };
}

const OVER: ReadonlySet<string | undefined> = new Set([
  'MCP_TLS_NOT_REGISTERED',
  'MCP_TLS_STORE_EXPIRED',
]);

function ignore(): void {}
