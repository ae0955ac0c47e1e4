/**
 * Counts verified and refused connections of a process by code, for a metrics endpoint or a log:
 *
 *     tsx examples/count-refusals.ts URL...
 *
 * The channels are those of `node:diagnostics_channel`; their messages hold no secrets.
 */
import { channel } from 'node:diagnostics_channel';
import { type DiagnosticMessages, makeCustomClientFactory } from 'mcp-tls';

const counts = new Map<string, number>();
const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);

channel('mcp-tls:verified').subscribe((message) => {
  const { host, port, by } = message as DiagnosticMessages['mcp-tls:verified'];
  count(`${host}:${port} verified by ${by}`);
});
channel('mcp-tls:refused').subscribe((message) => {
  const { host, port, code } = message as DiagnosticMessages['mcp-tls:refused'];
  count(`${host}:${port} refused with ${code}`);
});

const factory = makeCustomClientFactory(null);
await Promise.allSettled(process.argv.slice(2).map((url) => factory()(url)));
await factory.close();

for (const [what, times] of counts) console.log(`${String(times).padStart(4)}  ${what}`);
