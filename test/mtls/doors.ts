import { randomBytes } from 'node:crypto';
import {
  type ClientCertificate,
  createCertificateStore,
  createServerRegistry,
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  type TrustPolicy,
} from '../../src/index.js';

/** What came of it: a code of ours, `HTTP 400`, or `taken`. */
export interface Outcome {
  readonly code: string;
  readonly hint: string;
}

export interface Knock {
  readonly url: string;
  readonly ca: string;
  readonly clientCertificate: ClientCertificate | undefined;
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** The ways in which a client certificate is shown, and what each says of one that is not taken. */
export const DOORS: Readonly<Record<string, (knock: Knock) => Promise<Outcome>>> = {
  client: (knock) =>
    outcomeOf(async () => {
      await using factory = makeCustomClientFactory(policyOf(knock));
      const answer = await factory()(knock.url);
      await answer.text();
      return answer.status === 200 ? 'taken' : `HTTP ${answer.status}`;
    }),
  probe: (knock) =>
    outcomeOf(async () => {
      const { problems } = await fetchPeerCertificate(knock.url, { trust: policyOf(knock) });
      return problems.map(({ code }) => code).join() || 'taken';
    }),
  register: (knock) =>
    outcomeOf(async () => {
      await using registry = createServerRegistry({ store: openStore() });
      await registry.register('a', knock.url, { trust: policyOf(knock) });
      return 'taken';
    }),
  // Of a record that is there: it was right when it was made.
  check: (knock) =>
    outcomeOf(async () => {
      const store = openStore();
      await store.set('a', { url: knock.url, trust: policyOf(knock) });
      await using registry = createServerRegistry({ store });
      const { code, error } = await registry.check('a');
      if (code !== undefined) throw error;
      // None of these speaks MCP: what it says to a ping is no matter of certificates.
      return `answered: ${String((error as Error | undefined)?.message).slice(0, 60)}`;
    }),
};

function openStore() {
  const keys = { id: 'k', key: randomBytes(32) };
  return createCertificateStore({ keys, storage: new Map<string, string>(), whenEmpty: 'create' });
}

function policyOf({ ca, clientCertificate, maxVersion }: Knock): TrustPolicy {
  return { ca, maxVersion, ...(clientCertificate && { clientCertificate }) };
}

async function outcomeOf(knock: () => Promise<string>): Promise<Outcome> {
  try {
    return { code: await knock(), hint: '' };
  } catch (error) {
    const ours = explainTlsError(error);
    if (ours === undefined) return { code: `foreign: ${String(error)}`, hint: '' };
    return { code: ours.code, hint: ours.hint ?? ours.message };
  }
}
