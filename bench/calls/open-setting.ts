import type { ServerAddress } from '../server/main.js';
import type { CallCost } from '../support/measure-calls.js';
import type { Processes, TaskProcess } from '../support/start-process.js';
import type { BatchInput, CalledServer, OpenInput } from './process.js';
import type { Sdk } from './sdk-clients.js';
import type { Form, Setting } from './settings.js';

export interface OpenSetting {
  readonly sdk: Sdk;
  readonly form: Form;
  readonly setting: Setting;
  /** The Node.js that runs everything. */
  readonly binary: string;
}

/** A contender that is connected. */
export interface OpenContender {
  readonly contender: string;
  readonly process: TaskProcess;
  batch(count: number): Promise<CallCost>;
}

/** Starts a setting's server and processes, and lets every contender connect. */
export async function openSetting(
  processes: Processes,
  { binary, form, sdk, setting }: OpenSetting,
  contenders: readonly string[] = setting.contenders,
): Promise<{ servers: readonly CalledServer[]; opened: readonly OpenContender[] }> {
  const servers = await startServers(processes.start('server', { binary }), setting, form);
  // One contender must not pay for the garbage of another one.
  const start = () =>
    processes.start('calls', { binary, nodeOptions: setting.oneProcess ? ['--expose-gc'] : [] });
  const shared = setting.oneProcess ? start() : undefined;
  const open = async (contender: string): Promise<OpenContender> => {
    const process = shared ?? start();
    await process.call('open', { contender, sdk, servers } satisfies OpenInput);
    return makeOpenContender(process, contender, setting.atOnce);
  };
  if (shared === undefined) return { servers, opened: await Promise.all(contenders.map(open)) };
  // A process does one task at a time.
  const opened: OpenContender[] = [];
  for (const contender of contenders) opened.push(await open(contender));
  return { servers, opened };
}

export function makeOpenContender(
  process: TaskProcess,
  contender: string,
  atOnce: number,
): OpenContender {
  return {
    contender,
    process,
    batch: (count) =>
      process.call<CallCost>('batch', { contender, count, atOnce } satisfies BatchInput),
  };
}

async function startServers(
  server: TaskProcess,
  setting: Setting,
  form: Form,
): Promise<readonly CalledServer[]> {
  if (setting.server === 'sdk') {
    const { ca, origin } = await server.call<ServerAddress>('startSdk');
    return [{ ca, url: `${origin}/${form}` }];
  }
  const paths = setting.server === 'two' ? [form, `${form}/varied`] : [form];
  const addresses = await server.call<ServerAddress[]>('startMany', paths.length);
  return addresses.map(({ ca, origin }, i) => ({ ca, url: `${origin}/mcp/${paths[i]}` }));
}
