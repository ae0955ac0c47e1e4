// Run by other runtimes: what each part of the package that connects says there. No server is needed.
import {
  createCertificateStore,
  createServerRegistry,
  fetchPeerCertificate,
  makeCustomClientFactory,
  originFetch,
  sseClient,
  streamableHttpClient,
} from '../../dist/index.js';
import * as v2 from '../../dist/v2.js';

const url = 'https://127.0.0.1:1/mcp';
const store = createCertificateStore({
  keys: { id: 'a', key: Buffer.alloc(32, 7).toString('base64') },
  storage: 'memory',
});
const actions = {
  makeCustomClientFactory: () => makeCustomClientFactory(null)({ url })(url),
  originFetch: () => originFetch(() => null)(url),
  fetchPeerCertificate: () => fetchPeerCertificate(url),
  streamableHttpClient: () => streamableHttpClient(url, { trust: null }).start(),
  sseClient: () => sseClient(url, { trust: null }).start(),
  'v2 streamableHttpClient': () => v2.streamableHttpClient(url, { trust: null }).start(),
  'v2 sseClient': () => v2.sseClient(url, { trust: null }).start(),
  createServerRegistry: () =>
    createServerRegistry({ store }).register('a', url, { trustOnFirstUse: true }),
};

const codes = {};
for (const [name, action] of Object.entries(actions)) {
  try {
    await action();
    codes[name] = 'not refused';
  } catch (error) {
    codes[name] = error?.code ?? error?.cause?.code ?? String(error);
  }
}
console.log(JSON.stringify(codes));
