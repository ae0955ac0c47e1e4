/** 4. An appliance reached by IP address, whose certificate names nothing useful. */
import { streamableHttpClient } from 'mcp-tls';

export const transportFor = (url: string, pin: string) =>
  streamableHttpClient(url, { trust: { identity: 'pin', pins: pin } });
