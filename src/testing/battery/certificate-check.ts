import type { TlsServerOptions } from '../tls-server-options.js';
import { NotApplicable, type Stage, type WorkingCheck, works } from './battery-check.js';
import type { BatteryPolicyFields, PolicyField } from './battery-policy.js';
import { reach } from './requests.js';

/** A server, and the policy under which it must be reached. */
export interface CertificateSetting {
  readonly shown: TlsServerOptions['certificate'];
  readonly policy: BatteryPolicyFields;
  readonly server?: Partial<TlsServerOptions>;
  readonly host?: string;
}

/** What {@link certificateCheck} is made of. */
export interface CertificateCheck {
  readonly id: string;
  readonly name: string;
  readonly advice: string;
  readonly needs?: readonly PolicyField[];
  readonly alone?: boolean;
  readonly hindrance?: NonNullable<WorkingCheck['hindrance']>;
  readonly arrange: (stage: Stage) => Promise<CertificateSetting>;
}

/** A server whose certificate must be accepted. */
export function certificateCheck({ arrange, ...text }: CertificateCheck): WorkingCheck {
  return works(/^(address|name|server-name|wildcard)/.test(text.id) ? 'identity' : 'chain', {
    ...text,
    why: 'Whoever cannot reach a good server under a strict policy will loosen the policy.',
    async run(stage) {
      const { host = '127.0.0.1', policy, server, shown } = await arrange(stage);
      const started = await startOrSkip(stage, { certificate: shown, ...server });
      const url = started.urlFor(host, '/mcp');
      await reach(await stage.client({ url, ...policy }), url);
    },
  });
}

async function startOrSkip(stage: Stage, options: TlsServerOptions): ReturnType<Stage['server']> {
  try {
    return await stage.server(options);
  } catch (error) {
    if (options.host !== '::1') throw error;
    throw new NotApplicable('this machine has no IPv6 loopback address');
  }
}
