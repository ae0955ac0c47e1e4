/** Names of this machine, as a Host header and a URL have them. */
const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/** How a Host header and an Origin name a port of this machine. Clients leave 80 out. */
export function hostsOf(port: number): readonly string[] {
  const named = LOOPBACK.map((name) => `${name}:${port}`);
  return port === 80 ? [...named, ...LOOPBACK] : named;
}
