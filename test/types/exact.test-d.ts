/** What only `exactOptionalPropertyTypes` refuses: without it, it throws at run time. */
import * as main from 'mcp-tls';

declare const pem: string;
declare const unset: string | undefined;
declare const store: main.CertificateStore;
const url = 'https://10.0.0.5:8443/mcp';
const factory = main.makeCustomClientFactory(pem);
const registry = main.createServerRegistry({ store });

// @ts-expect-error a URL that may be unset would be trust in whatever is asked for
factory({ url: unset });
// @ts-expect-error a token that may be unset
factory({ url, auth: unset });
// @ts-expect-error a name that may be unset
void main.fetchPeerCertificate(url, { serverName: unset });
// @ts-expect-error a fingerprint that may be unset would compare nothing
void main.fetchPeerCertificate(url, { expectFingerprint: unset });
// @ts-expect-error trust that may be unset would be what is presented
void registry.register('a', url, { trust: unset });
// @ts-expect-error a namespace that may be unset would be another store
main.createCertificateStore({ keys: { id: 'a', key: pem }, storage: 'memory', namespace: unset });
// ... and what is a convenience may be unset
main.makeCustomClientFactory(pem, { timeout: undefined, proxy: undefined, lookup: undefined });
main.createCertificateStore({ keys: { id: 'a', key: pem }, storage: 'memory', cache: undefined });
