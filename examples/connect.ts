/**
 * Connects to an MCP server by the fingerprint of its certificate, as one does with SSH, and lists
 * its tools:
 *
 *     tsx examples/connect.ts https://10.0.0.5:8443/mcp [FINGERPRINT]
 *
 * Without a fingerprint it shows the certificate and trusts nothing.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { fetchPeerCertificate, formatCertificate, streamableHttpClient } from 'mcp-tls';

const [url, fingerprint] = process.argv.slice(2);
if (url === undefined) throw new Error('usage: connect.ts URL [FINGERPRINT]');

const peer = await fetchPeerCertificate(url);
if (fingerprint !== peer.description.fingerprint) {
  console.log(formatCertificate(peer.description));
  for (const { code, message } of peer.problems) console.log(`${code}: ${message}`);
  console.log('\nNot trusted. If this is your server, call again with its fingerprint.');
  process.exit(1);
}
if (peer.suggestedPolicy === undefined) {
  throw new Error('no policy can make this server acceptable: see its problems');
}

const client = new Client({ name: 'connect-example', version: '1.0.0' });
await client.connect(streamableHttpClient(url, { trust: peer.suggestedPolicy }));
const { tools } = await client.listTools();
for (const { name, description } of tools) console.log(`${name}: ${description}`);
await client.close();
