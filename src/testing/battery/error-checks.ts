import type { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { type BatteryCheck, must, type Stage, type WorkingCheck, works } from './battery-check.js';
import type { BatteryClient, BatteryPolicyFields, BatteryRequest } from './battery-policy.js';
import { SECRET_POST } from './requests.js';

const CANARY = 'battery-canary';
const WRAP =
  'Reject with an error of your own that names the host and the reason; keep what a server answered, headers and options out of its message and properties.';

/** What a rejection shows to whoever logs it. */
export const ERROR_CHECKS: readonly BatteryCheck[] = [
  errorCheck({
    id: 'error-answer-not-http',
    name: 'The server answers something else than HTTP, with the token in it',
    async arrange(stage) {
      const certificate = await stage.certificate();
      const onRequest = ({ headers, url, socket }: IncomingMessage): void =>
        void socket.end(`token ${headers.authorization} for ${url}\r\n\r\n`);
      const server = await stage.server({ certificate, onRequest });
      return { url: `${server.url}/mcp`, policy: { ca: certificate.pem } };
    },
  }),
  errorCheck({
    id: 'error-header-line-break',
    name: 'A header value holds a line break: a token file of two lines',
    async arrange(stage) {
      const certificate = await stage.certificate();
      const server = await stage.server({ certificate });
      const headers = { authorization: `Bearer first\n${CANARY}` };
      const policy = { ca: certificate.pem };
      return { url: `${server.url}/mcp`, policy, request: { headers } };
    },
  }),
  errorCheck({
    id: 'error-refused-certificate',
    name: 'The certificate is refused, and the request held a token',
    async arrange(stage) {
      const [genuine, other] = await stage.twins();
      const server = await stage.server({ certificate: other });
      return { url: `${server.url}/mcp`, policy: { ca: genuine.pem } };
    },
  }),
  errorCheck({
    id: 'error-client-key',
    name: 'The certificate is refused, and the policy holds a private key',
    needs: ['clientCertificate'],
    async arrange(stage) {
      const [genuine, other] = await stage.twins();
      const user = await stage.certificate({ commonName: 'user' });
      const server = await stage.server({ certificate: other });
      const clientCertificate = { cert: user.pem, key: user.keyPem };
      const policy = { ca: genuine.pem, clientCertificate };
      return { url: `${server.url}/mcp`, policy, secret: linesOf(user.keyPem) };
    },
  }),
];

interface ErrorSetting {
  readonly url: string;
  readonly policy: BatteryPolicyFields;
  readonly request?: BatteryRequest;
  /** Any of them shows the secret. Default: the token of {@link SECRET_POST}. */
  readonly secret?: readonly string[];
}

/** A request that has to fail, with an error that holds no secret of the caller's. */
function errorCheck({
  arrange,
  ...text
}: Pick<WorkingCheck, 'id' | 'name'> & {
  readonly needs?: WorkingCheck['needs'];
  readonly arrange: (stage: Stage) => Promise<ErrorSetting>;
}): WorkingCheck {
  return works('errors', {
    ...text,
    // A host is given a key, but no request to send.
    subject: text.needs?.includes('clientCertificate') ? 'any' : 'fetch',
    why: 'Errors are logged, shown to users and sent to services that collect them.',
    advice: WRAP,
    async run(stage) {
      const { url, policy, request = SECRET_POST, secret = [CANARY] } = await arrange(stage);
      const error = await rejection(await stage.client({ url, ...policy }), url, request);
      const said = sayings(error);
      must(!secret.some((text) => said.includes(text)), 'the error holds the secret');
    },
  });
}

async function rejection(
  client: BatteryClient,
  url: string,
  request: BatteryRequest,
): Promise<unknown> {
  try {
    await (await client(url, request)).text();
  } catch (error) {
    return error;
  }
  must(false, 'it was answered, and must not have been');
}

/** What loggers make of an error: Node.js's own way, JSON, and what each in the chain of causes says. */
function sayings(error: unknown): string {
  const said = [inspect(error, { depth: 6, maxStringLength: null, maxArrayLength: null })];
  for (let one = error, i = 0; one instanceof Error && i < 10; one = one.cause, i++) {
    said.push(one.message, String(one.stack), json(one), json(Object.entries(one)));
  }
  return said.join('\n');
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    // A circle: a logger fails as well.
    return '';
  }
}

/** The lines of a key, without those that all keys share. */
function linesOf(pem: string): string[] {
  return pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
}
