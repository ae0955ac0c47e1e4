/**
 * A small gateway for MCP servers whose certificates no public authority signed:
 *
 *     npm run example:gateway                        starts it, and prints the address of its page
 *     npm run example:gateway -- --with-servers      with a few servers to try it on
 *
 * See README.md beside this file.
 */
import { runPrimary } from './primary.js';
import { readSettings, SettingsError } from './settings.js';

try {
  await runPrimary(readSettings(process.env), process.argv.includes('--with-servers'));
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
