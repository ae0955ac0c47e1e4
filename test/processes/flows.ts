import type { EncryptedCertificateStore, ServerRegistry } from '../../src/index.js';
import { FIELDS, type Field, now, type Outcome } from './history.js';
import { makeFlow, type Recorder } from './recorder.js';
import { CERTIFICATE_HEADER, ID_HEADER, MEMBER_HEADER } from './servers.js';

/** What flows work with. */
export interface FlowContext {
  readonly member: string;
  readonly registry: ServerRegistry;
  /** Of ours, and not of a host application's: to be wrapped anew. */
  readonly sealed: EncryptedCertificateStore | undefined;
  readonly recorder: Recorder;
  /** Where the server of an id is, and the pins of its keys. */
  serverOf(id: string): { readonly url: string; readonly pins: readonly string[] };
  /** Looks at a certificate for as long as it takes. */
  readonly person: () => Promise<boolean>;
  /** What of a certificate is trusted at a registration. */
  readonly pin: 'certificate' | 'key';
  /** How far away an end of an approval is that comes soon. */
  readonly soonMs: number;
  /** Whoever reads streams in the background. */
  readonly streams: Streams;
}

interface FlowTask {
  /** How often in a random history. */
  readonly weight: number;
  /** The fields that it means to change. `undefined`: those of a renewal; none: it writes nothing. */
  readonly sets?: readonly Field[] | undefined;
  run(context: FlowContext, id: string, token: string, n: number): Promise<Outcome>;
}

const CHANGED: Outcome = { changed: true };
/** Unique, and far away. */
const FAR = Date.UTC(2090, 0);
const registration =
  (replace: boolean): FlowTask['run'] =>
  async ({ registry, serverOf, person, pin }, id, token) => {
    const labels = { f: token };
    const options = { pin, approve: person, approvedBy: token, labels };
    await registry.register(id, serverOf(id).url, { ...options, ...(replace && { replace }) });
    return CHANGED;
  };

export const FLOWS = {
  register: { weight: 14, sets: FIELDS, run: registration(false) },
  replace: { weight: 2, sets: FIELDS, run: registration(true) },
  renew: {
    weight: 4,
    sets: undefined,
    run: async ({ registry }, id) => ({ changed: (await registry.renew(id)).changed }),
  },
  approve: {
    weight: 4,
    sets: undefined,
    async run({ registry, person }, id, token) {
      const { changed } = await registry.renew(id, { approve: person, approvedBy: token });
      return { changed };
    },
  },
  'update label': {
    weight: 3,
    sets: ['label'],
    async run({ registry }, id, token) {
      await registry.update(id, { labels: { f: token } });
      return CHANGED;
    },
  },
  'update approvedBy': {
    weight: 3,
    sets: ['approvedBy'],
    async run({ registry }, id, token) {
      await registry.update(id, { approvedBy: token });
      return CHANGED;
    },
  },
  'update end': {
    weight: 3,
    sets: ['expiresAt'],
    async run({ registry }, id, _token) {
      await registry.update(id, { expiresAt: new Date(FAR + Math.floor(now() * 100)) });
      return CHANGED;
    },
  },
  'update pins': {
    weight: 3,
    // A connection is made before: the longest way of a change.
    sets: ['pins', 'certificate'],
    async run({ registry, serverOf }, id, token) {
      const chosen = serverOf(id).pins.filter(() => Math.random() < 0.7);
      await registry.update(id, { pins: [...chosen, pinNamed(token)] });
      return CHANGED;
    },
  },
  expire: {
    weight: 2,
    sets: ['expiresAt'],
    async run({ registry, soonMs }, id) {
      await registry.update(id, { expiresAt: new Date(Date.now() + soonMs) });
      return CHANGED;
    },
  },
  revoke: {
    weight: 4,
    sets: [],
    async run({ registry }, id) {
      await registry.revoke(id);
      return {};
    },
  },
  get: {
    weight: 4,
    sets: [],
    async run({ registry }, id) {
      await registry.get(id);
      return {};
    },
  },
  list: {
    weight: 1,
    sets: [],
    async run({ registry }) {
      await registry.list();
      return {};
    },
  },
  rewrap: {
    weight: 1,
    sets: [],
    async run({ sealed }) {
      await sealed?.rewrap();
      return {};
    },
  },
  request: {
    weight: 8,
    sets: [],
    async run(context, id) {
      const { url } = context.serverOf(id);
      const client = (await context.registry.clientFactory(id))();
      try {
        const response = await client(url, { headers: headersOf(context, id) });
        await response.text();
        return { lastByteAt: now() };
      } finally {
        await client.close();
      }
    },
  },
  stream: {
    weight: 2,
    sets: [],
    async run(context, id) {
      const url = new URL('/stream', context.serverOf(id).url);
      const client = (await context.registry.clientFactory(id))();
      const cancel = new AbortController();
      const request = { headers: headersOf(context, id), signal: cancel.signal };
      const response = await client(url, request);
      context.streams.follow(id, response, cancel, () => client.close());
      return {};
    },
  },
} satisfies Record<string, FlowTask>;

export type FlowName = keyof typeof FLOWS;

/** Does one flow and notes it. Never rejects. */
export async function performFlow(
  context: FlowContext,
  name: FlowName,
  id: string,
): Promise<Outcome> {
  const { recorder } = context;
  const { sets, run } = FLOWS[name] as FlowTask;
  const token = recorder.nextToken();
  return recorder.perform(name, { kind: 'flow', id }, (n) =>
    recorder.flows.run(makeFlow({ name, n, sets, token }), () => run(context, id, token, n)),
  );
}

/** Answers that do not end, which are read for as long as their registry lets them. */
export class Streams {
  readonly #recorder: Recorder;
  readonly #open = new Map<AbortController, Promise<unknown>>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  get size(): number {
    return this.#open.size;
  }

  follow(id: string, response: Response, cancel: AbortController, close: () => unknown): void {
    const certificate = response.headers.get(CERTIFICATE_HEADER) ?? '';
    const reading = this.#recorder
      .perform(`stream ${certificate}`, { kind: 'flow', id }, async () => {
        let lastByteAt = now();
        try {
          for await (const _ of response.body as AsyncIterable<unknown>) lastByteAt = now();
        } catch {
          // Cancelled, or ended by its registry: which of them does not matter here.
        }
        return { lastByteAt };
      })
      .finally(() => this.#open.delete(cancel))
      .then(close);
    this.#open.set(cancel, reading);
  }

  async cancelAll(): Promise<void> {
    const all = [...this.#open];
    for (const [cancel] of all) cancel.abort();
    await Promise.all(all.map(([, reading]) => reading));
  }
}

function headersOf({ member }: FlowContext, id: string): Record<string, string> {
  return { [ID_HEADER]: id, [MEMBER_HEADER]: member };
}

/** A pin that no key has, and that says who set it. */
function pinNamed(token: string): string {
  return `sha256/${Buffer.from(token.padEnd(32, '.').slice(0, 32)).toString('base64')}`;
}
