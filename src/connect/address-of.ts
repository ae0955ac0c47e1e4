/** Where a URL leads: the host without the brackets of IPv6, and the port, by the scheme if none is given. */
export function addressOf(url: URL): { readonly host: string; readonly port: number } {
  const usual = url.protocol === 'http:' ? 80 : 443;
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || usual) };
}
