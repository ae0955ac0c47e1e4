import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import type { RedisClientLike } from '../../../src/redis/redis-client-like.js';
import { RenewingCluster } from '../../../src/redis/renewing-cluster.js';

/** A cluster client of node-redis, by what it answers. */
class Cluster extends EventEmitter {
  readonly copies: Cluster[] = [];
  readonly slots = [{}];
  isOpen = true;
  answer: () => Promise<unknown>;
  next: (() => Promise<unknown>)[];
  connected: () => Promise<unknown> = async () => {};

  constructor(...[answer, ...next]: (() => Promise<unknown>)[]) {
    super();
    this.answer = answer as () => Promise<unknown>;
    this.next = next;
  }
  eval(): Promise<unknown> {
    return this.answer();
  }
  connect(): Promise<unknown> {
    return this.connected();
  }
  duplicate(): Cluster {
    const copy = new Cluster(this.next.shift() ?? this.answer);
    this.copies.push(copy);
    return copy;
  }
  destroy(): void {
    this.isOpen = false;
  }
}

const renewing = (cluster: Cluster) => new RenewingCluster(cluster as unknown as RedisClientLike);
const call = { keys: ['k'], arguments: [] };
const hangs = () => new Promise<never>(() => {});

it('a copy takes the place of a client whose node does not answer, and what was asked is not asked again', async () => {
  let asked = 0;
  const given = new Cluster(hangs, async () => ++asked);
  const client = renewing(given);
  let answered = false;
  void client.eval('', call).then(() => {
    answered = true;
  });
  await vi.waitFor(() => expect(given.copies.length).toBe(1), 10_000);
  expect(await client.eval('', call)).toBe(1);
  expect(answered).toBe(false);
  expect(given.isOpen).toBe(true);
  client.destroy();
  expect(given.isOpen).toBe(true);
  expect(given.copies[0]?.isOpen).toBe(false);
});

it('a copy takes the place of a client whose connection was lost', async () => {
  const lost = () => Promise.reject(new Error('Socket closed unexpectedly'));
  const given = new Cluster(lost, async () => 'ok');
  const client = renewing(given);
  await expect(client.eval('', call)).rejects.toThrow('Socket closed');
  await vi.waitFor(async () => expect(await client.eval('', call)).toBe('ok'));
  expect(given.copies.length).toBe(1);
});

it('what a node refuses makes no copy', async () => {
  class SimpleErrorReply extends Error {}
  class ErrorReply extends Error {}
  for (const Reply of [ErrorReply, SimpleErrorReply]) {
    const given = new Cluster(() => Promise.reject(new Reply('OOM')));
    await expect(renewing(given).eval('', call)).rejects.toThrow('OOM');
    expect(given.copies.length).toBe(0);
  }
});

it('a copy that is not connected when the storage is closed is ended', async () => {
  const given = new Cluster(
    () => Promise.reject(new Error('lost')),
    async () => 'ok',
  );
  const client = renewing(given);
  await expect(client.eval('', call)).rejects.toThrow('lost');
  client.destroy();
  await vi.waitFor(() => expect(given.copies[0]?.isOpen).toBe(false));
});
