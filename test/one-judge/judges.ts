import {
  type CustomClientFactory,
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  type ServerRegistry,
  type TrustInput,
} from '../../src/index.js';

/** What one of those who judge said of a server. */
export interface Answer {
  readonly trusted: boolean;
  /** Why not: the code of our error, or what came in the place of one. */
  readonly why: string;
}

/** What a probe said, with what goes along. */
export interface ProbeAnswer extends Answer {
  /** `undefined` where there is none, or no certificate could be had. */
  readonly suggestedPolicy: TrustInput | undefined;
  readonly problems: readonly string[] | undefined;
}

const OK: Answer = { trusted: true, why: '' };

/** One request by a client of its own. */
export async function askOnce(url: string, trust: TrustInput): Promise<Answer> {
  let factory: CustomClientFactory | undefined;
  try {
    factory = makeCustomClientFactory(trust);
    return await askClient(url, factory);
  } catch (error) {
    return refused(error);
  } finally {
    await factory?.close();
  }
}

/** One request over a connection of its own, as no other request went to this server. */
export async function askClient(url: string, factory: CustomClientFactory): Promise<Answer> {
  try {
    const response = await factory()(url, { headers: { 'x-secret': 'not for everybody' } });
    await response.text();
    return response.status === 200 ? OK : { trusted: false, why: `status ${response.status}` };
  } catch (error) {
    return refused(error);
  }
}

/** A handshake that only reads. */
export async function askProbe(url: string, trust: TrustInput): Promise<ProbeAnswer> {
  try {
    const peer = await fetchPeerCertificate(url, { trust });
    const problems = peer.problems.map(({ code }) => code);
    const suggestedPolicy = peer.suggestedPolicy;
    return { trusted: peer.trusted, why: problems.join(' '), problems, suggestedPolicy };
  } catch (error) {
    return { ...refused(error), suggestedPolicy: undefined, problems: undefined };
  }
}

/** The try-out before a record is written; what it let through must then serve a request. */
export async function askRegistry(
  registry: ServerRegistry,
  id: string,
  url: string,
  trust: TrustInput,
): Promise<Answer> {
  try {
    await registry.register(id, url, { trust });
  } catch (error) {
    return refused(error);
  }
  try {
    const factory = await registry.clientFactory(id);
    const response = await factory()(url);
    await response.text();
    return response.status === 200 ? OK : { trusted: true, why: `status ${response.status}` };
  } catch (error) {
    return { trusted: true, why: `stored, and then: ${refused(error).why}` };
  } finally {
    await registry.revoke(id);
  }
}

function refused(error: unknown): Answer {
  // What is not ours is a fault, and shown as it is.
  return { trusted: false, why: explainTlsError(error)?.code ?? `NOT OURS: ${String(error)}` };
}
