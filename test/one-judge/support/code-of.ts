import { explainTlsError } from '../../../src/index.js';

/** The code of our error; `'resolved'` if there was none. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return explainTlsError(error)?.code ?? String(error);
  }
}
