import { pathOf } from '../mcp-paths.js';
import { must, type SubjectKind } from './battery-check.js';
import type {
  BatteryClient,
  BatteryPolicyFields,
  BatteryResponse,
  MakeBatteryClient,
} from './battery-policy.js';
import { within } from './requests.js';

/**
 * How long a host may take for a call over a session whose connections were lost. Then it is asked to connect
 * anew, as it would be by a person; some hosts wait for a minute.
 */
const HELD_CALL_MS = 1500;

/** An MCP session of a host under test. */
export interface BatteryConnection {
  /**
   * Asks the server something, by the host's own means: a call of its tool `add`, say. Rejects if the host gets
   * no answer, also where the host itself only logs that.
   */
  call(): Promise<unknown>;
  /** Ends the session and its connections. */
  close(): unknown;
}

/** A program that connects to MCP servers by itself, under the trust that it was given. */
export interface BatteryHost {
  /**
   * Has the host connect to the MCP server at `url`, trusting it as `trust` says. May reject where `trust` makes
   * no sense.
   */
  readonly connect: (url: string, trust: BatteryPolicyFields) => Promise<BatteryConnection>;
  /** Which transport `url` is for. Default: `streamable-http`. */
  readonly transport?: 'streamable-http' | 'sse';
}

/** What is under test, as checks use it. */
export interface BatterySubject {
  readonly kind: SubjectKind;
  readonly makeClient: MakeBatteryClient;
}

/** A host as a client of the battery: to ask is to call a tool, over the session that there is or a new one. */
export function hostAsSubject(host: BatteryHost): BatterySubject {
  const makeClient: MakeBatteryClient = ({ url: _, ...trust }) => {
    const asked = new AskedHost(host, trust);
    const client = async (url: string): Promise<BatteryResponse> => {
      await asked.ask(url);
      return ANSWERED;
    };
    return Object.assign(client, { close: () => asked.close() }) satisfies BatteryClient;
  };
  return { kind: 'host', makeClient };
}

const ANSWERED: BatteryResponse = {
  status: 200,
  headers: { get: () => null },
  body: null,
  text: async () => '',
};

/** A host under one policy. What is in `#held` has answered a call and has not failed since. */
class AskedHost {
  readonly #host: BatteryHost;
  readonly #trust: BatteryPolicyFields;
  readonly #held = new Map<string, BatteryConnection>();
  readonly #open = new Set<BatteryConnection>();
  #closed = false;

  constructor(host: BatteryHost, trust: BatteryPolicyFields) {
    this.#host = host;
    this.#trust = trust;
  }

  async ask(url: string): Promise<void> {
    const held = this.#held.get(url);
    if (held !== undefined && (await answersInTime(held))) return;
    this.#held.delete(url);
    if (held !== undefined) await this.#end(held);
    const connection = await this.#host.connect(this.#urlFor(url), this.#trust);
    must(
      typeof connection?.call === 'function' && typeof connection.close === 'function',
      'connect() must resolve with { call, close }',
    );
    this.#open.add(connection);
    // It was given up on meanwhile.
    if (this.#closed) await this.#end(connection);
    try {
      await connection.call();
    } catch (error) {
      await this.#end(connection);
      throw error;
    }
    this.#held.set(url, connection);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#open, (connection) => this.#end(connection)));
  }

  async #end(connection: BatteryConnection): Promise<void> {
    if (!this.#open.delete(connection)) return;
    // Hosts that reject when they end a session whose server is gone have ended it.
    await Promise.resolve(connection.close()).catch(() => {});
  }

  #urlFor(url: string): string {
    const target = new URL(url);
    target.pathname = pathOf(this.#host.transport);
    return target.href;
  }
}

async function answersInTime(connection: BatteryConnection): Promise<boolean> {
  let came: boolean | undefined;
  connection.call().then(
    () => {
      came = true;
    },
    () => {
      came = false;
    },
  );
  await within(HELD_CALL_MS, () => came !== undefined);
  return came === true;
}
