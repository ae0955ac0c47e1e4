import { installPrograms } from './debian-program.js';

/**
 * Before any test of a Vitest project that needs programs of others: within a test, installing them would
 * run into its time limit, and two tests at once into the lock of apt.
 */
export async function setup(): Promise<void> {
  await installPrograms();
}
