/** One process of a gateway, with a login that others share: connects, and calls at each line of its input. */
import { createInterface } from 'node:readline';
import { refreshAuthorization } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  createCertificateStore,
  directoryStorage,
  makeCustomClientFactory,
  streamableHttpClient,
} from 'mcp-tls';
import { SharedLogin } from '../../../examples/oauth/shared-login.js';
import type { SharedLoginSetting } from './shared-login-setting.js';

const given = JSON.parse(process.argv[2] as string) as SharedLoginSetting;
const lookup = (_host: string, options: { all?: boolean }, done: (...given: unknown[]) => void) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
const route = { lookup: lookup as never };
const store = createCertificateStore({
  keys: { id: 'k1', key: Buffer.from(given.key, 'base64') },
  storage: directoryStorage(given.folder, { watch: false }),
  namespace: 'logins',
});
const toLogin = makeCustomClientFactory(given.login.pem, route)({ url: given.login.origin });
const authProvider = new SharedLogin({
  store,
  id: 'alice',
  redirectUrl: 'http://127.0.0.1:1/callback',
  clientMetadata: { redirect_uris: [] },
  onRedirect: () => console.log('redirected'),
  refresh: async ({ client }, refreshToken) =>
    refreshAuthorization(given.login.origin, {
      clientInformation: client as NonNullable<typeof client>,
      refreshToken,
      fetchFn: toLogin,
    }),
});

const client = new Client({ name: 'shared-login', version: '1' });
const transport = streamableHttpClient(given.mcp.url, {
  trust: given.mcp.pem,
  origins: { [given.login.origin]: given.login.pem },
  authProvider,
  ...route,
});
console.log('ready');
let isConnected = false;
for await (const _ of createInterface({ input: process.stdin })) {
  try {
    if (!isConnected) await client.connect(transport as never);
    isConnected = true;
    console.log(`tools ${(await client.listTools()).tools.length}`);
  } catch (error) {
    console.log(`failed ${(error as Error).message}`);
  }
}
await client.close();
await store.close();
process.exit(0);
