/** 10. A gateway: register, ask a person, connect by id with a token for each user, raise an alarm, stop. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ApprovalRequiredError, type CertificateStore, createServerRegistry } from 'mcp-tls';

export function makeGateway(store: CertificateStore, tokenOf: (user: string) => string) {
  const registry = createServerRegistry({ store });
  return {
    async add(id: string, url: string, approved: string | undefined, approvedBy: string) {
      try {
        return await registry.register(id, url, { expectFingerprint: approved, approvedBy });
      } catch (error) {
        if (!(error instanceof ApprovalRequiredError)) throw error;
        const { current, peer } = error;
        return { show: peer.description, beside: current, problems: peer.problems };
      }
    },
    async connect(id: string, user: string): Promise<Client> {
      const client = new Client({ name: 'gateway', version: '1.0.0' });
      await client.connect(await registry.streamableHttpClient(id, { auth: () => tokenOf(user) }));
      return client;
    },
    async alarm(signal: AbortSignal, mail: (text: string) => Promise<void>): Promise<void> {
      for await (const event of registry.watch({ signal, intervalMs: 1_000 })) {
        if (event.first) await mail(`${event.id ?? 'store'}: ${event.type}`);
      }
    },
    stop: () => registry.close({ graceMs: 10_000 }),
  };
}
