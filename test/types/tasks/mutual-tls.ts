/** 6. Mutual TLS under a private CA. */
import { makeCustomClientFactory, streamableHttpClient } from 'mcp-tls';

export function connectionsFor(material: { ca: string; cert: string; key: string }) {
  const { ca, cert, key } = material;
  const clientFactory = makeCustomClientFactory({ ca, clientCertificate: { cert, key } });
  return {
    transportFor: (url: string) => streamableHttpClient(url, { clientFactory }),
    close: () => clientFactory.close(),
  };
}
