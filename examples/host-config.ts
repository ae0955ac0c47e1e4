/**
 * A host with a configuration of its own: one fetch for all servers, trust from the `tls` field of each.
 *
 *     tsx examples/host-config.ts servers.json
 *
 *     { "servers": {
 *         "weather": { "url": "https://10.0.0.5:8443/mcp", "tls": { "caFile": "weather.pem" } },
 *         "printer": { "url": "https://printer/mcp", "tls": { "identity": "pin", "pins": "sha256/..." } },
 *         "public":  { "url": "https://mcp.example.com/mcp" }
 *     } }
 *
 * The whole configuration is checked before anything is connected to. The file is read again when the program
 * gets SIGHUP: what was changed holds at once.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { formatError, originFetch, parseTrust, type TrustPolicy } from 'mcp-tls/core';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: host-config.ts FILE');
const path = resolve(file);

interface Config {
  readonly servers: Readonly<Record<string, { readonly url: string; readonly tls?: unknown }>>;
}

function readConfig() {
  const { servers } = JSON.parse(readFileSync(path, 'utf8')) as Config;
  const trusts = new Map<string, TrustPolicy | null>();
  for (const [id, { url, tls }] of Object.entries(servers)) {
    if (tls === undefined) continue;
    const options = { base: dirname(path), name: `servers.${id}.tls` };
    trusts.set(new URL(url).origin, parseTrust(tls, options));
  }
  return { servers, trusts };
}

let config: ReturnType<typeof readConfig>;
try {
  config = readConfig();
} catch (error) {
  console.error(formatError(error));
  process.exit(2);
}

const hostFetch = originFetch((origin) => config.trusts.get(origin));
process.on('SIGHUP', () => {
  try {
    config = readConfig();
    hostFetch.refresh().catch((error: unknown) => console.error(formatError(error)));
  } catch (error) {
    // The old one still holds.
    console.error(formatError(error));
  }
});

for (const [id, { url }] of Object.entries(config.servers)) {
  const client = new Client({ name: 'host', version: '1.0.0' });
  try {
    const options = { fetch: hostFetch };
    // The SDK's types do not know exactOptionalPropertyTypes.
    await client.connect(new StreamableHTTPClientTransport(new URL(url), options) as never);
    const { tools } = await client.listTools();
    console.log(`${id}: ${tools.map(({ name }) => name).join(', ')}`);
  } catch (error) {
    console.log(`${id}: ${formatError(error)}`);
    process.exitCode = 1;
  }
  await client.close();
}
await hostFetch.close();
