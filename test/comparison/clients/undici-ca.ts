import { Agent, fetch } from 'undici';
import type { MakeBatteryClient } from '../../../src/testing/index.js';
import { tlsOptions } from '../support/tls-options.js';

export const makeClient: MakeBatteryClient = (policy) => {
  const dispatcher = new Agent({ connect: tlsOptions(policy) as object });
  return Object.assign((url: string, init?: object) => fetch(url, { ...init, dispatcher }), {
    close: () => dispatcher.destroy(),
  });
};
