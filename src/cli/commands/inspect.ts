import { formatCertificate } from '../../certificate/format-certificate.js';
import { fetchPeerCertificate } from '../../core.js';
import type { Command } from '../command.js';
import { EXIT, UsageError } from '../exit-codes.js';

export const inspect: Command = {
  name: 'inspect',
  summary: 'Show what a server presents, and what is wrong with it',
  help: 'Usage: mcp-tls inspect <url>',
  options: {},
  async run(io, { positionals: [url] }) {
    if (url === undefined) throw new UsageError('which URL?');
    const peer = await fetchPeerCertificate(url);
    io.stdout.write(`${formatCertificate(peer.description)}\n`);
    return peer.trusted ? EXIT.ok : EXIT.refused;
  },
};
