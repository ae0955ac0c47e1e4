import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Client } from 'undici';
import { beforeEach, describe, expect, it } from 'vitest';
import { brokenBy, guardSocket, useSocket } from '../../../src/client/guarded-socket.js';

/** A socket as undici's parser sees it, whoever uses its connection. */

let socket: Socket;
let seen: string[];

beforeEach(() => {
  seen = [];
  // Only the key by which the user of a connection is found.
  const connection = {} as Client;
  socket = new Socket();
  guardSocket(connection, socket as TLSSocket);
  useSocket(connection, {
    onSocketEnd: () => void seen.push('user: end'),
    onSocketFault: (error) => void seen.push(`user: ${(error as Error).message}`),
  });
});

describe('a guarded socket', () => {
  it('reports the end to its user before anybody else', () => {
    socket.on('end', () => seen.push('end'));
    socket.emit('end');
    expect(seen).toEqual(['user: end', 'end']);
  });

  it('hands what a listener throws to its user, and not to the process', () => {
    socket.on('end', () => {
      throw new Error('asserted');
    });
    expect(() => socket.emit('end')).not.toThrow();
    expect(seen).toEqual(['user: end', 'user: asserted']);
    expect(socket.destroyed).toBe(true);
  });

  it('shows a reset as an error without its code, which brokenBy gives back', () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    let shown: unknown;
    socket.on('error', (error) => {
      shown = error;
    });
    socket.emit('error', reset);
    expect(shown).not.toBe(reset);
    expect(shown).toMatchObject({ code: 'UND_ERR_SOCKET' });
    expect(brokenBy(shown as Error)).toBe(reset);
    const other = new Error('other');
    socket.emit('error', other);
    expect(shown).toBe(other);
    expect(brokenBy(other)).toBe(other);
  });

  it('has an error before it closes, unless it came to its end or had one', () => {
    socket.on('error', () => seen.push('error')).on('close', () => seen.push('close'));
    socket.emit('close');
    expect(seen).toEqual(['error', 'close']);
    socket.emit('close');
    expect(seen).toEqual(['error', 'close', 'close']);
  });

  it('is destroyed by an error of undici without its stack, and by any other as it is', () => {
    socket.on('error', () => {});
    const reset = Object.assign(new Error('reset'), { name: 'InformationalError' });
    socket.destroy(Object.assign(reset, { code: 'UND_ERR_INFO' }));
    expect(socket.errored).toBe(reset);
    expect(reset.stack).toBe('InformationalError: reset');

    const another = guardSocket({} as Client, new Socket() as TLSSocket).on('error', () => {});
    const other = new Error('other');
    const { stack } = other;
    another.destroy(other);
    expect(another.errored).toBe(other);
    expect(other.stack).toBe(stack);

    // Its code is a number.
    const aborted = new DOMException('aborted', 'AbortError');
    const third = guardSocket({} as Client, new Socket() as TLSSocket).on('error', () => {});
    third.destroy(aborted);
    expect(third.errored).toBe(aborted);
  });
});
