import { setTimeout as sleep } from 'node:timers/promises';
import type { EncryptedCertificateStore, StoredCertificate } from '../../src/index.js';
import { readServerTrust } from '../../src/store/record/server-trust.js';
import type { Effect, Outcome } from './history.js';
import { now } from './history.js';

/** What a process can do. Add to {@link OPERATIONS} what is to be judged by the same rules. */
export interface Task {
  readonly name: string;
  /** How often, compared with the others. */
  readonly weight: number;
  /** What it is going to do; noted before it begins. */
  effect(context: StoreContext): Effect;
  /** Rejections are noted by their code. What a refused conditional write demanded is of no use. */
  run(context: StoreContext, effect: Effect): Promise<Outcome>;
}

export interface StoreContext {
  readonly store: EncryptedCertificateStore;
  readonly ids: readonly string[];
  /** A name for a write that nobody else uses. */
  nextToken(): string;
  recordOf(token: string): StoredCertificate;
}

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;
const anId = ({ ids }: StoreContext): string => pick(ids);

const write = (context: StoreContext): Effect => ({
  kind: 'write',
  id: anId(context),
  token: context.nextToken(),
});

type Write = Extract<Effect, { kind: 'write' }>;
type Named = Extract<Effect, { id: string }>;

export const OPERATIONS: readonly Task[] = [
  {
    name: 'set',
    weight: 3,
    effect: write,
    async run({ store, recordOf }, effect) {
      const { id, token } = effect as Write;
      return { revision: await store.set(id, recordOf(token)) };
    },
  },
  {
    // A renewal, an update, an approval: read, wait, write what was made of it. Also where nothing is.
    name: 'change',
    weight: 6,
    effect: write,
    async run({ store, recordOf }, effect) {
      const { id, token } = effect as Write;
      const { revision: ifRevision } = await store.read(id);
      const readAt = now();
      await sleep(Math.random() * 40);
      const revision = await store.set(id, recordOf(token), { ifRevision });
      return { revision, ifRevision, readAt };
    },
  },
  {
    name: 'delete',
    weight: 2,
    effect: (context) => ({ kind: 'delete', id: anId(context) }),
    async run({ store }, effect) {
      await store.delete((effect as Named).id);
      return {};
    },
  },
  {
    name: 'get',
    weight: 8,
    effect: (context) => ({ kind: 'read', id: anId(context) }),
    async run({ store }, effect) {
      const ready = await store.trust((effect as Named).id);
      const held = ready && readServerTrust(ready);
      return toOutcome(held?.record, held?.revision);
    },
  },
  {
    name: 'read',
    weight: 3,
    effect: (context) => ({ kind: 'read', id: anId(context) }),
    async run({ store }, effect) {
      const { record, revision } = await store.read((effect as Named).id);
      return toOutcome(record, revision);
    },
  },
  {
    name: 'list',
    weight: 2,
    effect: () => ({ kind: 'list' }),
    run: async ({ store }) => ({ entries: await store.list() }),
  },
  {
    name: 'rewrap',
    weight: 1,
    effect: () => ({ kind: 'other' }),
    async run({ store }) {
      const { failed } = await store.rewrap();
      const [first] = failed;
      // Others were faster: nothing is lost by it.
      if (first === undefined || first.error.code === 'MCP_TLS_STORE_CONFLICT') return {};
      return { error: first.error.code };
    },
  },
  {
    name: 'count',
    weight: 2,
    effect: () => ({ kind: 'other' }),
    async run({ store }) {
      await store.notes.update('counter', (n) => Number(n ?? 0) + 1);
      return {};
    },
  },
];

function toOutcome(record: StoredCertificate | undefined, revision?: number): Outcome {
  return {
    ...(record?.approvedBy !== undefined && { token: record.approvedBy }),
    ...(revision !== undefined && { revision }),
  };
}
