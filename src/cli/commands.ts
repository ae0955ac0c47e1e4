import type { Command } from './command.js';

/** Every command, by its name. Loaded when it is asked for: help needs none of the TLS. */
export const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['inspect', async () => (await import('./commands/inspect.js')).inspect],
  ['check', async () => (await import('./commands/check.js')).check],
  ['known', async () => (await import('./commands/known.js')).known],
  ['store', async () => (await import('./commands/store.js')).store],
  ['trust', async () => (await import('./commands/trust.js')).trust],
  ['bridge', async () => (await import('./commands/bridge.js')).bridge],
]);
