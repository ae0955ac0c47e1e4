/** 5. One pool for requests of our own and for a transport, with limits and a token. */
import { makeCustomClientFactory, streamableHttpClient } from 'mcp-tls';

export async function statusAndTools(url: string, pem: string, token: string) {
  await using clientFactory = makeCustomClientFactory(pem, {
    timeout: { connectMs: 5_000, totalMs: 60_000 },
  });
  const fetch = clientFactory({ url, auth: token });
  const { status } = await fetch(url, { method: 'GET' });
  return { status, transport: streamableHttpClient(url, { clientFactory, auth: token }) };
}
