/**
 * The main job, to watch: an MCP client meets a server with a self-signed certificate, learns what
 * it is, trusts exactly it, and calls a tool; then an impostor with the same names is refused.
 *
 * Everything is real and stays on 127.0.0.1. The exit code says whether all of it went as it should.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  explainTlsError,
  fetchPeerCertificate,
  formatCertificate,
  sseClient,
  streamableHttpClient,
  type TlsTrustError,
  type TrustInput,
} from 'mcp-tls';
import { heldCertificate, type McpTestServer, startMcpServer } from 'mcp-tls/testing';
import { bad, block, chapter, check, finish, good, note, row } from './screen.js';

// A throw-away server, as an appliance or a colleague's machine would be.
const certificate = await heldCertificate({ commonName: 'weather.internal' });
const server = await startMcpServer({ certificate, transport: 'both' });

chapter('An MCP server with a certificate that no public authority signed');
row('Streamable HTTP', server.mcpUrl);
row('HTTP with SSE', server.sseUrl);

chapter('What a plain MCP client says');
await plainClientFails(server.mcpUrl);

chapter('What mcp-tls says: fetch the certificate, describe it');
const trust = await inspect(server);

chapter('Trust exactly that certificate, and call a tool: Streamable HTTP');
await useTools(streamableHttpClient(server.mcpUrl, { trust }));

chapter('The same over SSE');
await useTools(sseClient(server.sseUrl, { trust }));

chapter('An impostor takes over the address: the same names, another key');
await impostorIsRefused(server, trust);

await server.close();
finish();

async function plainClientFails(url: string): Promise<void> {
  const client = new Client({ name: 'plain', version: '1.0.0' });
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url)) as Transport);
    check(false, 'the plain client connected');
  } catch (error) {
    row('error', bad(String(error)));
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    row('its cause', cause?.code ?? 'none');
    check(true, 'refused, and rightly: but the message does not say what to do');
    note('The usual way out, NODE_TLS_REJECT_UNAUTHORIZED=0, would accept anybody from now on.');
  }
}

async function inspect({ mcpUrl }: McpTestServer): Promise<TrustInput> {
  const peer = await fetchPeerCertificate(mcpUrl);
  block(formatCertificate(peer.description));
  for (const { code, message } of peer.problems) row('problem', bad(`${code}: ${message}`));
  // In life, a person compares this with what the server's operator says over another channel.
  const outOfBand = certificate.fingerprint;
  const agrees = peer.description.fingerprint === outOfBand;
  check(agrees, "the fingerprint is the one that the server's operator gave us");
  if (!agrees || !peer.suggestedPolicy) throw new Error('nothing to trust');
  row('policy', good('{ ca: <this certificate> }: it is the only trust anchor'));
  return peer.suggestedPolicy;
}

async function useTools(transport: Transport): Promise<void> {
  const client = new Client({ name: 'demo', version: '1.0.0' });
  await client.connect(transport);
  const { tools } = await client.listTools();
  row('tools', tools.map(({ name }) => name).join(', '));
  const steps: string[] = [];
  const result = await client.callTool(
    { name: 'count', arguments: { to: 5, delayMs: 40 } },
    undefined,
    { onprogress: ({ progress, total }) => steps.push(`${progress}/${total}`) },
  );
  row('progress', steps.join('  '));
  const [answer] = result.content as { text: string }[];
  check(steps.length === 5 && answer?.text === '5', `count to 5 answered ${answer?.text}`);
  await client.close();
}

async function impostorIsRefused(victim: McpTestServer, trusted: TrustInput): Promise<void> {
  const impostor = await heldCertificate({ commonName: 'weather.internal' });
  victim.rotate(impostor, { dropConnections: true });
  victim.clearRecords();
  const client = new Client({ name: 'demo', version: '1.0.0' });
  try {
    await client.connect(streamableHttpClient(victim.mcpUrl, { trust: trusted }));
    check(false, 'the impostor was believed');
  } catch (error) {
    const ours = explainTlsError(error) as TlsTrustError;
    row('code', bad(ours.code));
    row('message', ours.message);
    row('expected', ours.expected ?? '');
    row('presented', ours.presented ?? '');
    row('hint', ours.hint ?? '');
    check(ours.code === 'MCP_TLS_SELF_SIGNED', 'refused');
    const bytes = victim.records.applicationBytes;
    check(bytes === 0, `the impostor received ${bytes} bytes of our request`);
  }
}
