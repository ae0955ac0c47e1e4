import { makeCustomClientFactory, type TrustPolicy } from '../../../src/core.js';
import type { MakeBatteryClient } from '../../../src/testing/index.js';

export const makeClient: MakeBatteryClient = ({ url, origins, ...trust }) => {
  const factory = makeCustomClientFactory(trust as TrustPolicy, origins ? { origins } : {});
  const client = factory({ url });
  return Object.assign((input: string, init?: object) => client(input, init), {
    close: () => factory.close(),
  });
};
