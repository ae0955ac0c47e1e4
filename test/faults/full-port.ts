import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A port of the loopback address that does not even answer a SYN: a black hole. */
export interface FullPort {
  readonly address: string;
  close(): void;
}

/** Beside the address that servers listen at: the same port is free there. */
const ADDRESS = '127.0.0.2';

const PROGRAM = `
  const [port, host] = process.argv.slice(1);
  const server = require('node:net').createServer().listen({ port: Number(port), host, backlog: 1 });
  server.on('listening', () => process.stdout.write('listening'));
`;

/** A listener that stands still, with its queue full: the kernel drops what comes then. */
export async function startFullPort(port: number): Promise<FullPort> {
  const child = spawn(process.execPath, ['-e', PROGRAM, String(port), ADDRESS], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const fillers: Socket[] = [];
  while (await connects(port, fillers)) {}
  return {
    address: ADDRESS,
    close() {
      for (const one of fillers) one.destroy();
      child.stdout.destroy();
      child.kill('SIGKILL');
    },
  };
}

async function connects(port: number, fillers: Socket[]): Promise<boolean> {
  const socket = connect({ port, host: ADDRESS });
  socket.on('error', () => {});
  fillers.push(socket);
  return await Promise.race([
    once(socket, 'connect').then(() => true),
    new Promise<boolean>((resolve) => setTimeout(resolve, 300, false)),
  ]);
}
