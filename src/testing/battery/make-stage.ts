import { heldCertificate } from '../held-certificate.js';
import type { HeldCertificate, HeldCertificateOptions } from '../held-certificate-options.js';
import { startInterceptor } from '../start-interceptor.js';
import { startMcpServer } from '../start-mcp-server.js';
import { startTlsServer, type TlsServer } from '../start-tls-server.js';
import type { TlsServerOptions } from '../tls-server-options.js';
import { type BatteryCheck, NotApplicable, type Stage, type SubjectKind } from './battery-check.js';
import type { MakeBatteryClient } from './battery-policy.js';

/** A client that does not come to its end when it is closed must not hold up the battery. */
const CLOSE_TIMEOUT_MS = 500;

/** The stage of one check, and how to clear it away. */
export function makeStage(
  check: BatteryCheck,
  kind: SubjectKind,
  makeClient: MakeBatteryClient,
): { stage: Stage; clear(): Promise<void> } {
  const cleanUps: (() => unknown)[] = [];
  let cleared = false;

  /** What a check that was given up on still starts is closed at once. */
  function keep<T>(thing: T, cleanUp: (thing: T) => unknown): T {
    if (cleared) void settled(() => cleanUp(thing));
    else cleanUps.push(() => cleanUp(thing));
    return thing;
  }

  const stage: Stage = {
    kind,
    server: async (options) => keep(await startServer(kind, options), (server) => server.close()),
    interceptor: async (target, options) =>
      keep(await startInterceptor(target, options), (interceptor) => interceptor.close()),
    async client(policy) {
      const used = Object.keys(policy).filter((field) => field !== 'url' && field !== 'ca');
      const undeclared = used.find((field) => !(check.needs as readonly string[]).includes(field));
      if (undeclared !== undefined) throw new Error(`${check.id} does not declare ${undeclared}`);
      return keep(await makeClient(policy), (client) => client.close?.());
    },
    certificate: certificateOrPending,
    twins(options = {}) {
      const one = { commonName: 'mcp server', ...options };
      return Promise.all([certificateOrPending(one), certificateOrPending(one)]);
    },
    onEnd: (cleanUp) => void keep(undefined, cleanUp),
  };
  return {
    stage,
    async clear() {
      cleared = true;
      // In reverse: what the process was lent is given back before anything else, clients are
      // closed before the servers that they talk to.
      for (const cleanUp of cleanUps.reverse()) await settled(cleanUp);
    },
  };
}

function startServer(kind: SubjectKind, options: TlsServerOptions): Promise<TlsServer> {
  const { onRequest, ...rest } = options;
  if (kind === 'fetch' || onRequest !== undefined) return startTlsServer(options);
  return startMcpServer({ ...rest, transport: 'both' });
}

async function certificateOrPending(options?: HeldCertificateOptions): Promise<HeldCertificate> {
  try {
    return await heldCertificate(options);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MCP_TLS_UNSUPPORTED_ALGORITHM') throw error;
    throw new NotApplicable((error as Error).message);
  }
}

async function settled(cleanUp: () => unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
  });
  try {
    await Promise.race([Promise.resolve(cleanUp()).catch(() => {}), limit]);
  } catch {
    // A client whose close() throws has been judged by the checks that are about closing.
  } finally {
    clearTimeout(timer);
  }
}
