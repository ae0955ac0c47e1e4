import {
  type Attack,
  type BatteryCheck,
  NoEffect,
  NotApplicable,
  type Stage,
  type Victim,
} from './battery-check.js';
import type { BatterySubject } from './battery-host.js';
import type { BatteryClient } from './battery-policy.js';
import type { BatteryOutcome, BatteryResult } from './battery-report.js';
import { explainFailure } from './explain-failure.js';
import { makeStage } from './make-stage.js';
import { pause, SECRET_POST, within } from './requests.js';

/** Bytes that are on their way when a client rejects must arrive to be counted. */
const SETTLE_MS = 5;
/** How long a client may keep a connection that it gave up before its bytes are counted. */
const LINGER_MS = 120;

interface Finding {
  readonly got: BatteryOutcome;
  readonly leaked?: number;
  readonly error?: unknown;
}

/** What bounds a check from outside. */
export interface RunCheckOptions {
  /** Policy fields that the client under test understands. */
  readonly supports: readonly string[];
  readonly timeoutMs: number;
}

/** Puts what is under test through one check. Never rejects: whatever happens is a result. */
export async function runCheck(
  check: BatteryCheck,
  subject: BatterySubject,
  { supports, timeoutMs }: RunCheckOptions,
): Promise<BatteryResult> {
  const without = foreseen(check, supports);
  if (without !== undefined) return result(check, { got: without.got, error: without.why }, 0);
  const begin = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let giveUp = (_finding: Finding): void => {};
  const hung = new Promise<Finding>((resolve) => {
    giveUp = resolve;
  });
  // Runs from the moment that there is a client: making keys for the servers is not its time.
  const { stage, clear } = makeStage(check, subject.kind, (policy) => {
    const error = `neither an answer nor an error in ${timeoutMs} ms`;
    timer ??= setTimeout(() => giveUp({ got: 'hung', error }), timeoutMs);
    return subject.makeClient(policy);
  });
  const found =
    check.expected === 'refused'
      ? runAttack(check.arrange, check.theme, stage)
      : runWorking(check.run, stage);
  const finding = await Promise.race([found.catch(asFinding), hung]);
  clearTimeout(timer);
  await clear();
  return result(check, finding, performance.now() - begin);
}

/** Why the check cannot be made with this client or in this process, where it need not be tried to know. */
export function foreseen(
  check: BatteryCheck,
  supports: readonly string[],
): { readonly got: 'pending' | 'not made'; readonly why: string } | undefined {
  const missing = ['ca', ...check.needs].filter((field) => !supports.includes(field));
  if (missing.length > 0) {
    const fields = `field${missing.length > 1 ? 's' : ''} ${missing.join(', ')}`;
    return { got: 'pending', why: `the client does not support the policy ${fields}` };
  }
  const hindrance = check.hindrance?.();
  if (hindrance === undefined) return undefined;
  return { got: hindrance instanceof NoEffect ? 'not made' : 'pending', why: hindrance.message };
}

async function runWorking(run: (stage: Stage) => Promise<void>, stage: Stage): Promise<Finding> {
  await run(stage);
  return { got: 'works' };
}

async function runAttack(
  arrange: (stage: Stage) => Promise<Attack>,
  theme: string,
  stage: Stage,
): Promise<Finding> {
  const attack = await arrange(stage);
  const { victim, alsoLeaked = () => 0, policy } = attack;
  const policyUrl = attack.policyUrl ?? `${victim.url}/mcp`;
  let client: BatteryClient;
  try {
    client = await stage.client({ url: policyUrl, ...policy });
  } catch (error) {
    return { got: 'refused', error };
  }
  const url = attack.url ?? policyUrl;
  try {
    await attack.first?.(client, policyUrl);
  } catch (error) {
    const why = `before the attack, what is genuine did not work: ${explainFailure(error)}`;
    return { got: 'broken', error: why };
  }
  const before = bytesRead(victim) + alsoLeaked();
  const answers = await ask(attack, client, url);
  await pause(SETTLE_MS);
  await within(LINGER_MS, () => victim.openConnections === 0);
  const leaked = bytesRead(victim) + alsoLeaked() - before;
  const answered = answers.find((answer) => answer.error === undefined);
  const { error } = answered ?? answers[0] ?? {};
  if (attack.redirects === true && answered?.redirect === true && leaked === 0) {
    return { got: 'refused', error: 'the redirect was handed back, not followed' };
  }
  if (answered !== undefined) return { got: 'works', leaked };
  if (leaked > 0) return { got: 'leaked', leaked, error };
  // What is wrong with a configuration can be seen without a server: a client that opens a
  // connection has taken something else for its trust, such as the default roots. And one that
  // connects to a redirect's target has followed it; to a server of a public CA it would have sent. An origin that
  // only a server named is not to be connected to at all.
  const early = theme === 'configuration' || attack.redirects === true || attack.isNamed === true;
  if (early && victim.records.connections > 0) return { got: 'connected', error };
  return { got: 'refused', error };
}

interface Answer {
  readonly error?: unknown;
  /** It is a redirect that the client did not follow. */
  readonly redirect?: boolean;
}

async function ask(attack: Attack, client: BatteryClient, url: string): Promise<Answer[]> {
  const once = async (): Promise<Answer> => {
    try {
      const response = await client(url, attack.request ?? SECRET_POST);
      // Some clients reject only while the body is read; by then the request is out.
      await response.text();
      return { redirect: response.status >= 300 && response.status < 400 };
    } catch (error) {
      return { error: error ?? new Error('rejected without a reason') };
    }
  };
  const tries = attack.tries ?? { sequential: 1 };
  if ('together' in tries) return Promise.all(Array.from({ length: tries.together }, once));
  const answers: Answer[] = [];
  for (let i = 0; i < tries.sequential; i++) answers.push(await once());
  return answers;
}

/** Decrypted bytes, and those that came in the clear. */
function bytesRead({ records }: Victim): number {
  let bytes = records.applicationBytes;
  for (const { encrypted, headers, method, url } of records.requests) {
    if (!encrypted) bytes += `${method} ${url}`.length + JSON.stringify(headers).length;
  }
  return bytes;
}

/** What a check rejects with: not applicable here, without effect, or not as it should have been. */
function asFinding(error: unknown): Finding {
  if (error instanceof NoEffect) return { got: 'not made', error: error.message };
  if (error instanceof NotApplicable) return { got: 'pending', error: error.message };
  return { got: 'broken', error };
}

function result(check: BatteryCheck, finding: Finding, durationMs: number): BatteryResult {
  const { advice, expected, id, name, theme, why } = check;
  const { error, got, leaked = 0 } = finding;
  const isMade = got !== 'pending' && got !== 'not made';
  const said = error === undefined ? undefined : explainFailure(error);
  return {
    id,
    name,
    theme,
    why,
    expected,
    got,
    passed: isMade ? got === expected : null,
    applicationBytesLeaked: leaked,
    advice,
    ...(said !== undefined && (isMade ? { error: said } : { pending: said })),
    durationMs: Math.round(durationMs),
  };
}
