/** Asks `URL` once, with `POLICY` as JSON (`null` for the default roots), and prints what came of it. */
import { explainTlsError, makeCustomClientFactory } from '../../src/index.js';

const [url = '', policy = 'null'] = process.argv.slice(2);
const factory = makeCustomClientFactory(JSON.parse(policy));
try {
  console.log((await factory()(url)).status);
} catch (error) {
  console.log(explainTlsError(error)?.code ?? String(error));
}
await factory.close();
