/**
 * Counts verified and refused connections of a process by code, for a metrics endpoint or a log:
 *
 *     tsx examples/count-refusals.ts URL...
 *
 * The channels are those of `node:diagnostics_channel`; their messages hold no secrets.
 */
import { makeCustomClientFactory, onDiagnostic } from 'mcp-tls';

const counts = new Map<string, number>();
const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);

onDiagnostic('mcp-tls:verified', ({ host, port, by }) =>
  count(`${host}:${port} verified by ${by}`),
);
onDiagnostic('mcp-tls:refused', ({ host, port, code }) =>
  count(`${host}:${port} refused with ${code}`),
);

const factory = makeCustomClientFactory(null);
await Promise.allSettled(process.argv.slice(2).map((url) => factory()(url)));
await factory.close();

for (const [what, times] of counts) console.log(`${String(times).padStart(4)}  ${what}`);
