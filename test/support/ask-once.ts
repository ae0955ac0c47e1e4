import {
  type CustomClientFactoryOptions,
  explainTlsError,
  makeCustomClientFactory,
  type TrustInput,
} from '../../src/index.js';

/** Asks `url` once with a client of its own: the status, or the code of our error. */
export async function askOnce(
  url: string,
  trust: TrustInput,
  options: CustomClientFactoryOptions = {},
): Promise<number | string> {
  const factory = makeCustomClientFactory(trust, options);
  try {
    const response = await factory()(url, { headers: { 'x-secret': 'not for everybody' } });
    await response.text();
    return response.status;
  } catch (error) {
    return explainTlsError(error)?.code ?? String(error);
  } finally {
    await factory.close();
  }
}
