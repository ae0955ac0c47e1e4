import { type HeldCertificate, heldCertificate, startMcpServer } from 'mcp-tls/testing';

/** A server to try the gateway on, as the page shows it. Its fingerprint is printed, not served. */
export interface DemoServer {
  readonly name: string;
  readonly url: string;
  readonly about: string;
  /** The authority that issued its certificate, as its operator would hand it out. */
  readonly caPem?: string;
}

export interface DemoServers {
  readonly list: readonly DemoServer[];
  /** Gives one another certificate, with its old key or a new one, and prints its fingerprint. */
  rotate(name: string, sameKey: boolean): Promise<void>;
  close(): Promise<void>;
}

type Options = Parameters<typeof heldCertificate>[0];

const DAY_MS = 86_400_000;
/** An hour more, so that whole days are as many as it says. */
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS + DAY_MS / 24);

/** Starts MCP servers on 127.0.0.1, each with another reason why no client trusts it yet. */
export async function startDemoServers(print: (line: string) => void): Promise<DemoServers> {
  const authority = await heldCertificate({
    subject: { O: 'Example Ltd', CN: 'Example Ltd internal CA' },
    isCa: true,
    notAfter: inDays(3_650),
  });
  const shapes: Record<string, { about: string; options: () => Options }> = {
    weather: {
      about: 'self-signed',
      options: () => ({ commonName: 'weather.internal', notAfter: inDays(365) }),
    },
    billing: {
      about: 'issued by a private authority',
      options: () => ({ commonName: 'billing', signedBy: authority, notAfter: inDays(90) }),
    },
    archive: {
      about: 'self-signed, ends in 5 days',
      options: () => ({ commonName: 'archive.internal', notAfter: inDays(5) }),
    },
    printer: {
      about: 'self-signed, names no host: trust its key',
      options: () => ({ commonName: 'printer', san: 'none', notAfter: inDays(1_000) }),
    },
  };

  const certificates = new Map<string, HeldCertificate>();
  const printFingerprint = (name: string, { fingerprint: fingerprint256 }: HeldCertificate) =>
    print(`  ${name.padEnd(8)} SHA-256 ${fingerprint256}`);
  const started = await Promise.all(
    Object.entries(shapes).map(async ([name, { about, options }]) => {
      const certificate = await heldCertificate(options());
      certificates.set(name, certificate);
      return { name, about, server: await startMcpServer({ certificate, transport: 'both' }) };
    }),
  );
  for (const [name, certificate] of certificates) printFingerprint(name, certificate);
  printFingerprint('CA', authority);

  return {
    list: started.map(({ name, about, server }) => ({
      name,
      about,
      url: server.mcpUrl,
      ...(name === 'billing' ? { caPem: authority.pem } : {}),
    })),
    async rotate(name, sameKey) {
      const [server, shape] = [started.find((one) => one.name === name)?.server, shapes[name]];
      if (server === undefined || shape === undefined) throw new Error(`no such server: ${name}`);
      const before = certificates.get(name) as HeldCertificate;
      const { notAfter = inDays(30) } = shape.options() ?? {};
      const next = await heldCertificate(
        sameKey ? { renewFrom: before, notAfter } : shape.options(),
      );
      certificates.set(name, next);
      server.rotate(next, { dropConnections: true });
      printFingerprint(name, next);
    },
    async close() {
      await Promise.all(started.map(({ server }) => server.close()));
    },
  };
}
