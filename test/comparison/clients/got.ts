import { Agent } from 'node:https';
import { got, type HttpsOptions, type OptionsInit, type Response } from 'got';
import type { BatteryRequest, MakeBatteryClient } from '../../../src/testing/index.js';
import { nodeResponse } from '../support/node-response.js';
import { tlsOptions } from '../support/tls-options.js';

export const makeClient: MakeBatteryClient = (policy) => {
  const { ca, cert, key, minVersion, passphrase, servername } = tlsOptions(policy);
  const options = {
    ...(ca !== undefined && { certificateAuthority: ca }),
    ...(cert !== undefined && { certificate: cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(minVersion !== undefined && { minVersion }),
    ...(servername !== undefined && { serverName: servername }),
  };
  const agent = new Agent({ keepAlive: true });
  const instance = got.extend({
    agent: { https: agent },
    https: options as HttpsOptions,
    // As fetch does: an answer is an answer.
    throwHttpErrors: false,
  });
  async function client(
    url: string,
    { body, headers, method = 'GET', signal }: BatteryRequest = {},
  ) {
    const init = {
      method,
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    } as OptionsInit & { isStream: true };
    // As a stream: got's promise resolves only when the whole body is there.
    const stream = instance.stream(url, init);
    // Without a body it waits for one to be piped into it.
    if (body === undefined && method !== 'GET' && method !== 'HEAD') stream.end();
    const response = await new Promise<Response>((resolve, reject) => {
      stream.once('response', resolve).on('error', reject);
    });
    return nodeResponse(response.statusCode, response.headers, stream);
  }
  return Object.assign(client, { close: () => agent.destroy() });
};
