/**
 * The client under test of the MCP conformance suite, for every client scenario of the runner: SDK v1, or v2
 * in its ways of beginning (CONFORMANCE_SDK is `v1`, `v2-legacy`, `v2-auto` or `v2-modern`), over this library.
 * CONFORMANCE_CONTROL is set for the control: the SDK by itself, over the fetch of Node.js.
 *
 * The runner gives the server's URL as the last argument and the scenario by its environment;
 * TRUSTED_CERTIFICATE is a PEM file, and all that is trusted. The last line of output tells what
 * happened, because the runner takes any failure for a right refusal in some scenarios:
 * `outcome: done`, `outcome: refused CODE` (by our trust policy) or `outcome: failed`.
 */
import { readFileSync } from 'node:fs';
import { explainTlsError, type FetchLike, makeCustomClientFactory } from 'mcp-tls/core';
import { type ConformanceProvider, makeProvider, type ScenarioContext } from './oauth-providers.js';
import { type ConformanceClient, loadSdk } from './sdks.js';

const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? '';
const context: ScenarioContext = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}');
const serverUrl = process.argv.at(-1) ?? '';
const trusted = readFileSync(process.env['TRUSTED_CERTIFICATE'] ?? '', 'utf8');
const isControl = process.env['CONFORMANCE_CONTROL'] !== undefined;

/** Refusals that are what the scenario wants, by the words of the SDK's error. */
const WANTED_ERRORS: Readonly<Record<string, RegExp>> = {
  'auth/iss-supported-missing': /Issuer mismatch/,
  'auth/iss-wrong-issuer': /Issuer mismatch/,
  'auth/iss-unexpected': /Issuer mismatch/,
  'auth/iss-normalized': /Issuer mismatch/,
  'auth/metadata-issuer-mismatch': /Issuer mismatch/,
  'auth/resource-mismatch': /Protected resource .* does not match/,
  // The SDK v1's own limit, and ours where the SDK v2 would go on.
  'auth/scope-retry-limit': /403 after trying upscoping|refuses each access token/,
};

/** Of protocol 2026-07-28: whatever the server offers is called, or what the runner says. */
const MODERN_SCENARIOS = /^(request-metadata|sep-2322-client-request-state|http-)/;

/** More than any scenario needs; the retry limit of `auth/scope-retry-limit` is the SDK's own. */
const MAX_AUTHORIZATIONS = 5;

// Nothing may go around the library: OAuth in the SDK falls back to the global fetch if it has none.
const globalFetch = globalThis.fetch;
if (!isControl) {
  globalThis.fetch = () => Promise.reject(new Error('the global fetch was used'));
}

// Made without `url`, its clients apply the policy to every origin: the authorization servers of a
// scenario have the same certificate as its MCP server, on ports that are not known beforehand.
const factory = makeCustomClientFactory(trusted);
const sdk = await loadSdk(process.env['CONFORMANCE_SDK'] ?? 'v1', isControl);

try {
  await expectOutcome(runScenario);
  console.log('outcome: done');
} catch (error) {
  console.error(error);
  const ours = explainTlsError(error);
  console.log(ours === undefined ? 'outcome: failed' : `outcome: refused ${ours.code}`);
  process.exitCode = 1;
} finally {
  await factory.close();
}

async function expectOutcome(run: () => Promise<void>): Promise<void> {
  const wanted = WANTED_ERRORS[scenario];
  if (wanted === undefined) return run();
  try {
    await run();
  } catch (error) {
    if (wanted.test(String(error))) return;
    throw error;
  }
  throw new Error(`the scenario should have ended with ${wanted}`);
}

async function runScenario(): Promise<void> {
  const { client, authorized, close } = await connect();
  const call = (name: string, args: Record<string, unknown> = {}) =>
    authorized(() => client.callTool(name, args));
  try {
    const { tools } = await authorized(() => client.listTools());
    if (scenario === 'initialize' || scenario === 'json-schema-ref-no-deref') return;
    if (scenario === 'tools_call') await call('add_numbers', { a: 5, b: 3 });
    else if (scenario === 'sse-retry') await call('test_reconnection');
    else if (scenario === 'elicitation-sep1034-client-defaults') {
      await call('test_client_elicitation_defaults');
    } else if (scenario.startsWith('auth/')) await call('test-tool');
    else if (MODERN_SCENARIOS.test(scenario)) {
      const { toolCalls = tools.map(({ name }) => ({ name, arguments: {} })) } = context;
      // Together: what belongs to one must not get into another.
      await Promise.all(toolCalls.map((one) => call(one.name, one.arguments)));
      if (scenario === 'http-standard-headers') await client.readOthers();
    } else throw new Error(`unknown scenario '${scenario}'`);
  } finally {
    await close();
  }
}

interface Connection {
  readonly client: ConformanceClient;
  /** Runs a request, and again after each authorization that it turns out to need. */
  authorized<T>(request: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

async function connect(): Promise<Connection> {
  const oauthClient = isControl ? (globalFetch as FetchLike) : factory();
  const provider = scenario.startsWith('auth/')
    ? makeProvider(scenario, context, oauthClient, sdk.providers)
    : undefined;
  const client = sdk.makeClient();
  let finishAuth: (callback: URLSearchParams) => Promise<void>;

  async function connectOnce(): Promise<void> {
    const transport = sdk.makeTransport(serverUrl, () => factory(), provider);
    finishAuth = (callback) => sdk.finishAuth(transport, callback);
    await client.connect(transport);
  }
  const authorized = <T>(request: () => Promise<T>) =>
    withAuthorization(request, provider, (callback) => finishAuth(callback));

  await authorized(connectOnce);
  return { client, authorized, close: () => client.close() };
}

async function withAuthorization<T>(
  request: () => Promise<T>,
  provider: ConformanceProvider | undefined,
  finishAuth: (callback: URLSearchParams) => Promise<void>,
): Promise<T> {
  for (let authorizations = 0; ; authorizations++) {
    try {
      return await request();
    } catch (error) {
      const callback = provider?.takeCallback?.();
      const last = authorizations === MAX_AUTHORIZATIONS;
      if (!(error instanceof sdk.UnauthorizedError) || callback === undefined || last) throw error;
      await finishAuth(callback);
    }
  }
}
