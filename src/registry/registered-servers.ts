import { invalidArgument } from '../assert.js';
import { addressOf } from '../connect/address-of.js';
import { clientRefused } from '../connect/connection-error.js';
import { type Inspection, inspectPeer } from '../connect/fetch-peer-certificate.js';
import { OWN, readRoute } from '../connect/route.js';
import { explainTlsError } from '../explain-tls-error.js';
import type { CertificateStore } from '../store/certificate-store.js';
import { trustOf } from '../store/record/parse-stored-certificate.js';
import type { CheckedServerTrust } from '../store/record/server-trust.js';
import { assertId } from '../store/record-key.js';
import { assertIsValid } from '../trust/client-certificate.js';
import { isUri } from '../trust/uri-identity.js';
import { type CertificateFiles, makeCertificateFiles } from './certificate-files.js';
import { checkServer } from './check-server.js';
import { makeLiveClient } from './connect/live-client.js';
import { RegistryConnections } from './connect/registry-connections.js';
import { Enrolment, type InspectTarget } from './enrol/enrolment.js';
import { MAX_ANSWER_BYTES } from './ping/ping-transport.js';
import type { CheckedRegistryOptions } from './read-registry-options.js';
import { readTransportOptions } from './read-transport-options.js';
import { shownClientCertificate } from './shown-client-certificate.js';
import { trustNow } from './trust-now.js';
import type {
  CertificateFile,
  RegisteredLinkOptions,
  RegistryClientFactory,
  ServerCheck,
} from './types.js';
import { makeServerWatching, type ServerWatching } from './watch/watch-servers.js';

/** What a transport of a registered server is made of. */
export interface RegisteredTransport<Options extends RegisteredLinkOptions> {
  readonly url: URL;
  /** At this moment. Each request is made under that of its own. */
  readonly trust: CheckedServerTrust;
  readonly options: Omit<Options, 'endpoint'> & { readonly clientFactory: RegistryClientFactory };
}

interface ServerFactory {
  /** With which the server is registered. */
  readonly url: string;
  readonly trust: CheckedServerTrust;
  readonly factory: RegistryClientFactory;
}

/**
 * What a registry is made of, and what needs more than one part of it: the connections to registered servers, their
 * enrolment, the watches, and the files written of their certificates.
 *
 * A change of a record reaches the connections first and the watches after them, by the store where it reports
 * changes, and by {@link recordChanged} where it does not.
 */
export class RegisteredServers {
  readonly store: CertificateStore;
  readonly connections: RegistryConnections;
  readonly enrolment: Enrolment;
  readonly watching: ServerWatching;
  readonly #files: CertificateFiles;
  readonly #route: CheckedRegistryOptions['route'];
  readonly #connectMs: number;
  readonly #unsubscribe: () => void;

  constructor(options: CheckedRegistryOptions) {
    const { store, approve, connectMs, route, bounds, ...limits } = options;
    this.store = store;
    this.#route = route;
    this.#connectMs = connectMs;
    this.connections = new RegistryConnections(store, { route, ...bounds }, limits);
    this.#files = makeCertificateFiles((id) => this.#isOver(id), this.connections.lookMs);
    this.enrolment = new Enrolment({
      store,
      approve,
      inspect: (target, signal) => this.inspect(target, signal),
    });
    this.watching = makeServerWatching({
      store,
      connectMs,
      trust: (id) => this.connections.trust(id),
      inspect: async (id, { record: { url, proxy }, policy }, signal) =>
        this.inspect({ id, url, policy, proxy }, signal),
      renew: async (id) => {
        const { changed } = await this.enrolment.renew(id, {}, false);
        if (changed) await this.recordChanged(id);
      },
      // Past the store's cache, which learns of it so.
      changedElsewhere: (id) =>
        void store
          .read(id)
          .then(() => this.#lookAgain(id))
          .catch(ignore),
    });
    this.#unsubscribe = store.onChange?.((id) => void this.#files.look(id)) ?? ignore;
  }

  /** As a client under the policy connects. */
  async inspect(
    target: InspectTarget,
    signal?: AbortSignal,
    timeoutMs: number = this.#connectMs,
  ): Promise<Inspection> {
    const { id, url, policy, proxy, isApproved = false } = target;
    if (policy.clientCertificate !== undefined) assertIsValid(policy.clientCertificate, new Date());
    const { pathname, search } = new URL(url);
    const request = {
      ...addressOf(new URL(url)),
      policy,
      route: readRoute(proxy === undefined ? this.#route : { ...this.#route, proxy }, {
        ...OWN,
        id,
      }),
      timeoutMs,
      signal,
      ...(isApproved ? { path: `${pathname}${search}` } : {}),
    };
    const name = isUri(policy.serverName) ? undefined : policy.serverName;
    return inspectPeer(request, policy, name);
  }

  /** Where the store reports it, the watches have heard. */
  async recordChanged(id: string): Promise<void> {
    await this.connections.refresh(id);
    if (this.store.onChange === undefined) this.watching.changed(id);
  }

  /** A factory of clients of a server, each request of which is made under the trust of its moment. */
  async factoryOf(id: string, holdsPool: boolean): Promise<ServerFactory> {
    assertId(id);
    const trust = await this.connections.trust(id);
    const { url } = trust.record;
    const { connections, watching } = this;
    const deps = { connections, id, url, holdsPool, onFailure: watching.failed };
    return {
      url,
      trust,
      factory: (init) => makeLiveClient(deps, init),
    };
  }

  async transportOptions<Options extends RegisteredLinkOptions>(
    id: string,
    input: Options,
  ): Promise<RegisteredTransport<Options>> {
    const { options, urlOf } = readTransportOptions(id, input);
    const { url, trust, factory } = await this.factoryOf(id, true);
    return { url: urlOf(url), trust, options: { ...options, clientFactory: factory } };
  }

  /** Before and after the deletion: connections end at once, and none made in between survives. */
  async revoke(id: string): Promise<boolean> {
    this.enrolment.revoked(id);
    await this.connections.revoked(id);
    try {
      return await this.store.delete(id);
    } finally {
      this.enrolment.revoked(id);
      await this.connections.revoked(id);
      if (this.store.onChange === undefined) this.watching.changed(id);
      await this.#files.remove(id);
    }
  }

  async check(id: string, options: Parameters<typeof checkServer>[2]): Promise<ServerCheck> {
    const startedAt = performance.now();
    const server = await this.connections.trust(id);
    const { url, proxy } = server.record;
    const { policy, error: sourceError } = trustNow(server);
    const { clientCertificate } = policy ?? {};
    const deps = {
      ...{ url, startedAt, sources: server.named.files, sourceError },
      clientCertificate: shownClientCertificate(clientCertificate, new Date()),
      clientRefused: () =>
        clientRefused({ ...addressOf(new URL(url)), clientCertificate }, undefined),
      link: async (given: RegisteredLinkOptions) => {
        const { url, options } = await this.transportOptions(id, given);
        const { clientFactory, ...own } = options;
        return {
          url,
          open: () => clientFactory({ ...own, url, maxBodyBytes: MAX_ANSWER_BYTES }),
        };
      },
      inspect: async (signal: AbortSignal) => {
        if (policy === undefined) throw sourceError;
        return this.inspect({ id, url, policy, proxy }, signal);
      },
    };
    return checkServer(id, deps, options);
  }

  async certificateFile(id: string, directory: string | undefined): Promise<CertificateFile> {
    const { record } = await this.connections.trust(id);
    const pem = trustOf(record).policy.anchors[0]?.toString() ?? record.certificate?.pem;
    if (pem === undefined) {
      invalidArgument(`'${id}' is trusted by the default roots: it has no certificate to write`);
    }
    const file = await this.#files.write(id, pem, directory);
    try {
      // It may have been revoked while the file was made.
      await this.connections.trust(id);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(graceMs: number): Promise<void> {
    this.#unsubscribe();
    this.enrolment.close();
    await this.watching.close();
    await this.connections.close(graceMs);
    await this.#files.close();
  }

  async #lookAgain(id: string): Promise<void> {
    await this.connections.refresh(id);
    await this.#files.look(id);
  }

  /** Whether there is no trust in a server any more. What cannot be read now may be trusted still. */
  async #isOver(id: string): Promise<boolean> {
    try {
      await this.connections.trust(id);
      return false;
    } catch (error) {
      return OVER.has(explainTlsError(error)?.code);
    }
  }
}

const OVER: ReadonlySet<string | undefined> = new Set([
  'MCP_TLS_NOT_REGISTERED',
  'MCP_TLS_STORE_EXPIRED',
]);

function ignore(): void {}
