import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { BatteryRequest, MakeBatteryClient } from '../../../src/testing/index.js';
import { nodeResponse } from '../support/node-response.js';
import { tlsOptions } from '../support/tls-options.js';

export const makeClient: MakeBatteryClient = (policy) => {
  const agent = new Agent({ ...tlsOptions(policy), keepAlive: true });
  async function client(url: string, init: BatteryRequest = {}) {
    const { body, headers = {}, method = 'GET', signal } = init;
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { agent, method, headers, ...(signal && { signal }) };
      request(url, options, resolve).on('error', reject).end(body);
    });
    return nodeResponse(message.statusCode ?? 0, message.headers, message);
  }
  return Object.assign(client, { close: () => agent.destroy() });
};
