/** 7. OAuth whose authorization server is behind a CA of its own. */
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { streamableHttpClient } from 'mcp-tls';

interface Trusted {
  readonly server: string;
  readonly login: `https://${string}`;
  readonly loginCa: string;
}

export const transportFor = (
  url: string,
  { server, login, loginCa }: Trusted,
  authProvider: OAuthClientProvider,
) => streamableHttpClient(url, { trust: server, origins: { [login]: loginCa }, authProvider });
