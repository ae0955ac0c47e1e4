/** One of the gateway's worker processes. Started by the primary, not by hand. */
import { isIP } from 'node:net';
import { createServerRegistry, publicAddressesOnly } from 'mcp-tls';
import { createApp } from './app.js';
import { openApprovalLog } from './approval-log.js';
import { makeEventLog } from './event-log.js';
import { openStore, workerInvalidation } from './open-store.js';
import { makePeer } from './peer.js';
import { readSettings } from './settings.js';

/** How often each server is looked at, by one of the workers; and how soon the others hear of it. */
const WATCH_MS = 60_000;
const POLL_MS = 2_000;

const settings = readSettings(process.env);
const channel = workerInvalidation();
const primary = makePeer(process, { changed: channel.onChanged });
channel.connect(primary);

const store = openStore(settings, channel.invalidation);
const registry = createServerRegistry({ store, allowAddress, timeout: { connectMs: 5_000 } });
const events = makeEventLog(registry.watch({ intervalMs: WATCH_MS, pollMs: POLL_MS }));
const approvals = openApprovalLog(settings.dataDir, registry);
const app = createApp({ settings, registry, primary, events, approvals });
// Loopback only: what comes in here is not encrypted.
const server = app.listen(settings.port, '127.0.0.1', (error) => {
  if (error === undefined) return;
  console.error(`port ${settings.port}: ${error.message}`);
  process.exit(1);
});

process.on('SIGINT', () => {}); // The terminal sends it to all; the primary says when to stop.
process.once('SIGTERM', stop);
process.once('disconnect', stop);

/**
 * Everyone who may register servers, and all that those servers name, reaches public addresses and the
 * networks that the operator has named; not the metadata, and its tokens, of the machine's cloud.
 */
function allowAddress(address: string): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  return publicAddressesOnly(address) || settings.networks.check(address, family);
}

async function stop(): Promise<void> {
  server.close();
  server.closeAllConnections();
  await registry.close();
  await store.close();
  process.exit(0);
}
