import type { MakeBatteryClient, PolicyField } from '../../src/testing/index.js';

/** One way of making a client trust one server, to be put through the battery. */
export interface Contender {
  /** Name of its file in `clients/`. */
  readonly id: string;
  /** As it stands in the tables. */
  readonly name: string;
  /** How the policy is told to it, in a sentence. */
  readonly how: string;
  /** What explains most of its results, measured. */
  readonly note?: string;
  /** npm packages that make the result. What comes with Node.js needs no naming. */
  readonly packages: readonly string[];
  /** What it has an option for. A check that needs more is no failure: it cannot be expressed. */
  readonly supports: readonly PolicyField[];
  /** Loaded by itself, so that no library sees what another one does to the process. */
  readonly load: () => Promise<{ readonly makeClient: MakeBatteryClient }>;
}
