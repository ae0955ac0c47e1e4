import type { ServerAddress, SignedServerAddress } from '../server/main.js';
import type { TaskProcess } from '../support/start-process.js';
import type { Servers } from './ways.js';

/** Starts the servers that the ways lead to, in one process. */
export async function startServers(server: TaskProcess): Promise<Servers> {
  return {
    signed: await server.call<SignedServerAddress>('startSigned'),
    own: await server.call<ServerAddress>('start'),
  };
}
