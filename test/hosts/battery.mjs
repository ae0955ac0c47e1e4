/**
 * Puts the host that is installed in this folder through the battery. The kit is that of the checkout, so that
 * nothing is installed for its MCP servers beside the host.
 *
 *   node battery.mjs KIT PROGRAM http|sse FILE
 */
import { writeFileSync } from 'node:fs';

const [kit, program, transport, file] = process.argv.slice(2);
const { pinningBattery } = await import(kit);
const { connect } = await import(`./connect/${program}`);

// What a host leaves behind, such as an attempt to reconnect, must not end the run: what it sends is what counts.
const uncaught = new Set();
process.on('uncaughtException', (error) => uncaught.add(String(error?.message ?? error)));
process.on('unhandledRejection', (error) => uncaught.add(String(error?.message ?? error)));

const report = await pinningBattery(
  {
    connect: (url, trust) => connect(url, trust, transport),
    transport: transport === 'sse' ? 'sse' : 'streamable-http',
  },
  { concurrency: 4, timeoutMs: 30_000 },
);
writeFileSync(file, JSON.stringify({ report, uncaught: [...uncaught] }));
process.exit();
