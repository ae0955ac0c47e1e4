import { Agent } from 'node:https';
import axios from 'axios';
import type { BatteryRequest, MakeBatteryClient } from '../../../src/testing/index.js';
import { nodeResponse } from '../support/node-response.js';
import { tlsOptions } from '../support/tls-options.js';

export const makeClient: MakeBatteryClient = (policy) => {
  const httpsAgent = new Agent({ ...tlsOptions(policy), keepAlive: true });
  const instance = axios.create({
    httpsAgent,
    responseType: 'stream',
    // As fetch does: an answer is an answer.
    validateStatus: () => true,
  });
  async function client(url: string, init: BatteryRequest = {}) {
    const { body, headers, method = 'GET', signal } = init;
    const response = await instance.request({
      url,
      method,
      ...(headers && { headers }),
      // It would send all of the memory that an array of bytes is a view of.
      ...(body !== undefined && { data: typeof body === 'string' ? body : Buffer.from(body) }),
      ...(signal && { signal }),
    });
    return nodeResponse(response.status, { ...response.headers }, response.data);
  }
  return Object.assign(client, { close: () => httpsAgent.destroy() });
};
