/**
 * Prints what people meet at their first mistakes: class, code, message and hint of each situation.
 *
 *   npm run situations
 */
import { explainTlsError } from '../src/index.js';
import { SITUATIONS } from '../test/support/situations.js';

for (const [name, provoke] of Object.entries(SITUATIONS)) {
  try {
    await provoke();
    console.log(`## ${name}\n(no error)\n`);
  } catch (error) {
    const ours = explainTlsError(error) as { hint?: string } & Error & { code?: string };
    const lines = [`${ours?.name} ${ours?.code}`, ours?.message, `-> ${ours?.hint ?? '(no hint)'}`];
    console.log(`## ${name}\n${lines.join('\n')}\n`);
  }
}
