import { Agent } from 'node:https';
import fetch, { type RequestInit } from 'node-fetch';
import type { MakeBatteryClient } from '../../../src/testing/index.js';
import { tlsOptions } from '../support/tls-options.js';

export const makeClient: MakeBatteryClient = (policy) => {
  const agent = new Agent({ ...tlsOptions(policy), keepAlive: true });
  return Object.assign(
    (url: string, init?: object) => fetch(url, { ...(init as RequestInit), agent }),
    { close: () => agent.destroy() },
  );
};
