import type { TlsServer } from '../start-tls-server.js';
import type { RequestHandler } from '../tls-server-options.js';
import { type Stage, type WorkingCheck, works } from './battery-check.js';
import type { BatteryClient } from './battery-policy.js';

/** What a check of an exchange has at hand in addition to its client. */
export interface HttpSetting {
  readonly stage: Stage;
  readonly tls: TlsServer;
  /** The certificate of `tls`. */
  readonly server: Awaited<ReturnType<Stage['certificate']>>;
}

/** Something that must work between a client and one genuine server. */
export function httpCheck(
  id: string,
  name: string,
  advice: string,
  onRequest: RequestHandler | undefined,
  run: (client: BatteryClient, url: string, setting: HttpSetting) => Promise<void>,
): WorkingCheck {
  return works('http', {
    id: `http-${id}`,
    name,
    subject: 'fetch',
    why: 'A client that verifies well but is a worse fetch will be replaced by one that does not.',
    advice,
    async run(stage) {
      const server = await stage.certificate();
      const tls = await stage.server({ certificate: server, ...(onRequest && { onRequest }) });
      const url = `${tls.url}/mcp`;
      const client = await stage.client({ url, ca: server.pem });
      await run(client, url, { stage, tls, server });
    },
  });
}
