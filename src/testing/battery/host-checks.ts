import type { TlsServer } from '../start-tls-server.js';
import { attack, type BatteryCheck, must, type Stage, works } from './battery-check.js';
import type { BatteryClient } from './battery-policy.js';
import { addDefaultRoot, fixedDefaultRoots } from './default-roots.js';
import { pause, reach } from './requests.js';

const WHOLE_HOST =
  'Find out which of its requests the host sends past the fetch or transport that it was given, and switch that off, or take another version.';
const ONE_FETCH = 'Give the host one fetch for each server, and close it with the host.';

/** What is asked of hosts only: calls over MCP, and everything that a host does without being asked. */
export const HOST_CHECKS: readonly BatteryCheck[] = [
  attack('connection', {
    id: 'host-public-impostor-later',
    name: 'After good calls the server comes back with a certificate under a default root',
    why: 'A host that reconnects over a fetch of its own takes every public certificate for the pinned one.',
    advice: WHOLE_HOST,
    alone: true,
    subject: 'host',
    hindrance: fixedDefaultRoots,
    async arrange(stage) {
      const publicRoot = await stage.certificate({ isCa: true });
      await addDefaultRoot(stage, publicRoot);
      const impostor = await stage.certificate({ signedBy: publicRoot });
      const genuine = await stage.certificate();
      const victim = await stage.server({ certificate: genuine });
      const first = async (client: BatteryClient, url: string): Promise<void> => {
        await reach(client, url);
        victim.rotate(impostor, { dropConnections: true });
        await pause(30);
      };
      return { victim, policy: { ca: genuine.pem }, first, tries: { sequential: 2 } };
    },
  }),
  hostWorks('calls', 'Each call reaches the server', async (client, url, { records }) => {
    await reach(client, url);
    for (let i = 0; i < 3; i++) {
      const before = records.requests.length;
      await reach(client, url);
      must(records.requests.length > before, 'call() resolved without a request');
    }
  }),
  hostWorks('calls-together', 'Ten calls at once', async (client, url) => {
    await reach(client, url);
    await Promise.all(Array.from({ length: 10 }, () => reach(client, url)));
  }),
  hostWorks('keep-alive', 'Ten calls in turn share connections', async (client, url, server) => {
    for (let i = 0; i < 10; i++) await reach(client, url);
    const { handshakes } = server.records;
    must(handshakes < 10, `${handshakes} handshakes for 10 calls`);
  }),
  hostWorks('reconnects', 'All connections break', async (client, url, server) => {
    await reach(client, url);
    server.dropConnections();
    await pause(30);
    await reach(client, url);
  }),
];

function hostWorks(
  id: string,
  name: string,
  run: (client: BatteryClient, url: string, server: TlsServer) => Promise<void>,
): BatteryCheck {
  return works('connection', {
    id: `host-${id}`,
    name,
    why: 'A host that verifies well but cannot hold a session will be given a policy that does not verify.',
    advice: ONE_FETCH,
    subject: 'host',
    async run(stage: Stage) {
      const certificate = await stage.certificate();
      const server = await stage.server({ certificate });
      const url = `${server.url}/mcp`;
      await run(await stage.client({ url, ca: certificate.pem }), url, server);
    },
  });
}
