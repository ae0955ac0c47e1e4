import { openSetting } from '../calls/open-setting.js';
import { SDKS } from '../calls/sdk-clients.js';
import { FORMS, settingOf } from '../calls/settings.js';
import type { OpenInput } from '../connect/process.js';
import { startServers } from '../connect/start-servers.js';
import type { OpenInput as OpenRawInput, PostInput } from '../raw/process.js';
import type { ServerAddress } from '../server/main.js';
import type { CallCost } from '../support/measure-calls.js';
import type { Processes, TaskProcess } from '../support/start-process.js';

/** What is profiled. */
export interface Subject {
  readonly process: TaskProcess;
  /** Calls in the profile, unless told. */
  readonly count: number;
  warmUp(): Promise<void>;
  batch(count: number): Promise<CallCost>;
}

export interface SubjectOptions {
  /** The Node.js that runs it. */
  readonly binary: string;
  /** Of the calls. */
  readonly setting: string;
}

/** @param words the part of the suite and what it is told, the contender last, such as `calls v1 sse mcp-tls` */
export async function openSubject(
  processes: Processes,
  words: readonly string[],
  options: SubjectOptions,
): Promise<Subject> {
  const [part, ...rest] = words;
  if (part === 'calls') return openCalls(processes, rest, options);
  if (part === 'connect') return openConnect(processes, rest, options);
  if (part === 'raw') return openRaw(processes, rest, options);
  throw new Error(
    'say what: calls SDK FORM CONTENDER, connect CONTENDER, or raw AT-ONCE CONTENDER',
  );
}

const ROUNDS = 20;
const CALLS = 100;

async function openCalls(
  processes: Processes,
  [sdkName, formName, contender]: readonly string[],
  { binary, setting: settingName }: SubjectOptions,
): Promise<Subject> {
  const sdk = SDKS.find((one) => one === sdkName);
  const form = FORMS.find((one) => one === formName);
  const setting = settingOf(settingName);
  if (sdk === undefined || form === undefined || contender === undefined) {
    throw new Error(`calls of which SDK (${SDKS}), form (${FORMS}) and contender?`);
  }
  // Where they share a process, the others run first.
  const contenders = setting.oneProcess ? setting.contenders : [contender];
  const { opened } = await openSetting(processes, { binary, sdk, form, setting }, contenders);
  const subject = opened.find((one) => one.contender === contender);
  if (subject === undefined) throw new Error(`'${contender}' has no part in '${setting.name}'`);
  return {
    process: subject.process,
    count: 10_000,
    batch: subject.batch,
    async warmUp() {
      for (let i = 0; i < ROUNDS; i++) for (const one of opened) await one.batch(CALLS);
    },
  };
}

async function openConnect(
  processes: Processes,
  [contender]: readonly string[],
  { binary }: SubjectOptions,
): Promise<Subject> {
  if (contender === undefined) throw new Error('new connections of which contender?');
  const servers = await startServers(processes.start('server', { binary }));
  const process = processes.start('connect', { binary });
  await process.call('open', { ...servers, contender, anew: false } satisfies OpenInput);
  return {
    process,
    count: 2_000,
    batch: (count) => process.call<CallCost>('batch', count),
    async warmUp() {
      await process.call('batch', 1_200);
    },
  };
}

async function openRaw(
  processes: Processes,
  [atOnce, contender]: readonly string[],
  { binary }: SubjectOptions,
): Promise<Subject> {
  if (contender === undefined) throw new Error('how many POSTs at a time, of which contender?');
  const address = await processes.start('server', { binary }).call<ServerAddress>('start');
  const process = processes.start('raw', { binary });
  await process.call('open', { contender, ...address } satisfies OpenRawInput);
  const batch = (count: number) =>
    process.call<CallCost>('post', { atOnce: Number(atOnce), count } satisfies PostInput);
  return {
    process,
    count: 20_000,
    batch,
    async warmUp() {
      await batch(10_000);
    },
  };
}
