import type { HeldCertificate, HeldCertificateOptions } from '../held-certificate-options.js';
import type { Interceptor, InterceptorOptions } from '../start-interceptor.js';
import type { TlsServer } from '../start-tls-server.js';
import type { TlsServerOptions } from '../tls-server-options.js';
import type {
  BatteryClient,
  BatteryPolicy,
  BatteryPolicyFields,
  BatteryRequest,
  PolicyField,
} from './battery-policy.js';

/** What a check is about; reports are grouped by it. */
export const BATTERY_THEMES = [
  'identity',
  'chain',
  'connection',
  'redirect',
  'other origins',
  'configuration',
  'http',
  'pins',
  'client certificate',
  'revocation',
  'errors',
] as const;
/** What a check is about; reports are grouped by it. */
export type BatteryTheme = (typeof BATTERY_THEMES)[number];

/** What identifies a check in reports. */
export interface CheckText {
  /** Stable: `include` and `exclude` name checks by it. */
  readonly id: string;
  /** One line: what happens. */
  readonly name: string;
  /** Why it matters: what an attacker gains, or what a user loses. */
  readonly why: string;
  /** What to do if the client fails. */
  readonly advice: string;
}

interface CheckBase extends CheckText {
  readonly theme: BatteryTheme;
  /** Policy fields that it uses in addition to `ca`. */
  readonly needs: readonly PolicyField[];
  /** Changes something of the whole process, so nothing else may run meanwhile. */
  readonly alone: boolean;
  /**
   * What it can be made with. `fetch`: it sends requests of its own, or asks for another URL than that of the
   * policy. `host`: it is about calls over MCP.
   */
  readonly subject: 'any' | SubjectKind;
  /** Why it cannot be made in this process, where that can be seen beforehand. */
  readonly hindrance?: () => NotApplicable | NoEffect | undefined;
}

/** What is under test: something like `fetch`, or a host that makes the requests itself. */
export type SubjectKind = 'fetch' | 'host';

/** An attack, which the client must refuse before it sends anything. */
export interface AttackCheck extends CheckBase {
  readonly expected: 'refused';
  readonly arrange: (stage: Stage) => Promise<Attack>;
}

/** Something that must work. `run` rejects with what does not. */
export interface WorkingCheck extends CheckBase {
  readonly expected: 'works';
  readonly run: (stage: Stage) => Promise<void>;
}

export type BatteryCheck = AttackCheck | WorkingCheck;

/** Where bytes can leak to. */
export type Victim = Pick<TlsServer | Interceptor, 'url' | 'records' | 'openConnections'>;

/** One attack, set up. */
export interface Attack {
  /** What must not read a byte of the client. */
  readonly victim: Victim;
  readonly policy: BatteryPolicyFields;
  /** The server that the policy is for. Default: the victim. */
  readonly policyUrl?: string;
  /** What the client is asked for. Default: `policyUrl`. */
  readonly url?: string;
  /** Default: a POST with credentials. */
  readonly request?: BatteryRequest;
  /** What the client does before the attack begins; it must succeed, or nothing was shown. */
  readonly first?: (client: BatteryClient, url: string) => Promise<void>;
  /** How often the client is asked: together, or one after the other. Default: once. */
  readonly tries?: { readonly together: number } | { readonly sequential: number };
  /** It is about a redirect, so a client that hands the redirect back has refused it. */
  readonly redirects?: boolean;
  /** Nothing is to connect to the victim: only another server named it. */
  readonly isNamed?: boolean;
  /** Bytes lost in addition to those that the victim read. */
  readonly alsoLeaked?: () => number;
}

/** What checks are built with. Everything on it is cleared away when the check has ended. */
export interface Stage {
  /** What is under test. */
  readonly kind: SubjectKind;
  /** For a host, a server without an `onRequest` speaks MCP. */
  server(options: TlsServerOptions): Promise<TlsServer>;
  interceptor(
    target: string | { readonly url: string },
    options: InterceptorOptions,
  ): Promise<Interceptor>;
  client(policy: BatteryPolicy): Promise<BatteryClient>;
  /** `heldCertificate`; a kind that this Node.js cannot make turns the check into a pending one. */
  certificate(options?: HeldCertificateOptions): Promise<HeldCertificate>;
  /** Two certificates that differ in nothing but key and serial number. */
  twins(options?: HeldCertificateOptions): Promise<[HeldCertificate, HeldCertificate]>;
  onEnd(cleanUp: () => unknown): void;
}

type Optional = {
  readonly needs?: readonly PolicyField[];
  readonly alone?: boolean;
  readonly subject?: CheckBase['subject'];
  readonly hindrance?: () => NotApplicable | NoEffect | undefined;
};
type AttackInput = CheckText & Optional & Pick<AttackCheck, 'arrange'>;
type WorkingInput = CheckText & Optional & Pick<WorkingCheck, 'run'>;

export function attack(theme: BatteryTheme, input: AttackInput): AttackCheck {
  return { needs: [], alone: false, subject: 'any', ...input, theme, expected: 'refused' };
}

export function works(theme: BatteryTheme, input: WorkingInput): WorkingCheck {
  return { needs: [], alone: false, subject: 'any', ...input, theme, expected: 'works' };
}

/** The check cannot be made here or with this client; the reason goes into the report. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}

/** What was set up for the check had no effect, so that nothing would be shown by it. */
export class NoEffect extends Error {
  override readonly name = 'NoEffect';
}

/** The check, for clients like `fetch` only. */
export function forFetch<T extends BatteryCheck>(check: T): T {
  return { ...check, subject: 'fetch' };
}

/** The client answered, but not as it should have. */
class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

/** Throws unless `condition` holds, with `what` was wrong. */
export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new WrongAnswer(what);
}
