import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { HeldCertificate } from '../../src/testing/index.js';
import { debianProgram } from './debian-program.js';
import { freePort } from './waiting.js';

/** `openssl s_server`: a TLS server that was not written here, nor on Node.js. */
export interface OpenSslServer extends AsyncDisposable {
  readonly url: string;
}

export interface OpenSslServerOptions {
  readonly certificate: HeldCertificate;
  /** Demands a client certificate from this authority. */
  readonly clientCa?: HeldCertificate;
  /** Further arguments, such as `-tls1_2`. */
  readonly args?: readonly string[];
}

/** Starts it with a status page on a free port of 127.0.0.1. */
export async function startOpenSslServer(options: OpenSslServerOptions): Promise<OpenSslServer> {
  const { certificate, clientCa, args = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-openssl-'));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const port = await freePort();
  const certificates = [
    '-cert',
    await write('cert.pem', certificate.pem),
    '-key',
    await write('key.pem', certificate.keyPem),
  ];
  // s_server sends its own certificate besides.
  const issuers = certificate.chainPem.replace(certificate.pem, '');
  if (issuers !== '') certificates.push('-cert_chain', await write('chain.pem', issuers));
  const demand =
    clientCa === undefined
      ? []
      : [
          '-Verify',
          '3',
          '-verify_return_error',
          '-CAfile',
          await write('client-ca.pem', clientCa.pem),
        ];
  const listen = ['s_server', '-www', '-accept', `127.0.0.1:${port}`];
  const openssl = await debianProgram('openssl');
  const child = spawn(openssl, [...listen, ...certificates, ...demand, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.on('error', () => {});
  child.stderr.resume();
  await accepting(child);
  return {
    url: `https://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) {
        child.kill();
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true });
    },
  };
}

/** It says ACCEPT once it listens. Its output is read to the end: it must not block on a full pipe. */
function accepting(child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-64);
      if (output.includes('ACCEPT')) resolve();
    });
    child.once('exit', () => reject(new Error('openssl s_server did not start')));
  });
}
