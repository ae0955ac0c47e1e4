import { type CloseOptions, readClose } from '../client/close-options.js';
import { serverTrust } from '../store/record/server-trust.js';
import type { StoredCertificate } from '../store/record/stored-certificate.js';
import { assertId } from '../store/record-key.js';
import { lookPolicy } from './enrol/registration.js';
import { listServers } from './list-servers.js';
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
import { RegisteredServers, type RegisteredTransport } from './registered-servers.js';
import type { RegisteredLinkOptions, ServerRegistry } from './types.js';

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

/** The registry itself, which needs no SDK. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function makeServerRegistry(options: ServerRegistryOptions): RegistryParts {
  const servers = new RegisteredServers(readRegistryOptions(options));
  const { store, connections, enrolment } = servers;
  const shown = (id: string, record: StoredCertificate) =>
    toRegisteredServer(id, serverTrust(record, 0));
  const close = async (options?: CloseOptions): Promise<void> =>
    servers.close(readClose('registry.close', options));
  const registry: ServerRegistry = {
    async inspect(url, given = {}) {
      connections.assertOpen();
      const { signal, timeoutMs, ...name } = readInspect(given);
      const target = { url: readUrl(url), policy: lookPolicy(name) };
      return (await servers.inspect(target, signal, timeoutMs)).peer;
    },
    async register(id, url, given = {}) {
      const options = readRegistration(id, given);
      const record = await enrolment.register(id, readUrl(url), options);
      await servers.recordChanged(id);
      return shown(id, record);
    },
    async clientFactory(id) {
      return (await servers.factoryOf(id, false)).factory;
    },
    async renew(id, given = {}) {
      const approval = readApproval(id, given);
      const { changed, sameKey, record } = await enrolment.renew(id, approval, true);
      if (changed) await servers.recordChanged(id);
      return Object.freeze({ changed, sameKey, server: shown(id, record) });
    },
    async revoke(id) {
      assertId(id);
      return servers.revoke(id);
    },
    async update(id, given) {
      const changes = readChanges(id, given);
      const record = await enrolment.update(id, changes);
      await servers.recordChanged(id);
      return shown(id, record);
    },
    async get(id) {
      assertId(id);
      return toRegisteredServer(id, await connections.trust(id));
    },
    list: (given = {}) => listServers(store, (id) => connections.trust(id), given),
    async check(id, given = {}) {
      assertId(id);
      return servers.check(id, readCheck(given));
    },
    async certificateFile(id, given = {}) {
      assertId(id);
      return servers.certificateFile(id, readFile(given).directory);
    },
    watch(given = {}) {
      connections.assertOpen();
      return servers.watching.open(given);
    },
    stats: () => Object.freeze({ ...connections.stats(), watches: servers.watching.count }),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
  return {
    registry: Object.freeze(registry),
    transportOptions: (id, options) => servers.transportOptions(id, options),
  };
}
