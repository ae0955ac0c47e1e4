import { connect, type SecureContext } from 'node:tls';

/** Node.js's TLS without a client of HTTP: it verifies, writes what our client does, and reads to the end. */
export function connectBare(origin: string, secureContext: SecureContext): Promise<string> {
  const { host, hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const options = { host: hostname, port: Number(port), secureContext };
    const socket = connect({ ...options, ALPNProtocols: ['http/1.1'] });
    let answer = '';
    socket
      .setNoDelay(true)
      .on('secureConnect', () => socket.write(requestTo(host), 'latin1'))
      .on('data', (bytes: Buffer) => {
        answer += bytes.toString('latin1');
      })
      .on('error', reject)
      .on('end', () => {
        socket.end();
        resolve(answer.slice(answer.indexOf('\r\n\r\n') + 4));
      });
  });
}

function requestTo(host: string): string {
  return [
    'GET /last HTTP/1.1',
    `host: ${host}`,
    'connection: keep-alive',
    'accept: */*',
    'user-agent: mcp-tls',
    'accept-encoding: gzip, deflate, br',
    '\r\n',
  ].join('\r\n');
}
