/** 2. A server whose fingerprint an operator has compared out of band. */
import { fetchPeerCertificate, streamableHttpClient } from 'mcp-tls';

export async function transportFor(url: string, compared: string) {
  const peer = await fetchPeerCertificate(url, { expectFingerprint: compared });
  if (peer.suggestedPolicy === undefined) {
    throw new Error(peer.problems.map(({ message }) => message).join('; '));
  }
  return streamableHttpClient(url, { trust: peer.suggestedPolicy });
}
