import { Router } from 'express';
import type { RegisterOptions, RegistryEntry, ServerCheck } from 'mcp-tls';
import { ApiError, describeError } from './answer-error.js';
import type { AppContext } from './app.js';
import { readAuthority } from './authority.js';
import { type Body, choiceIn, readBody, readPage, textIn } from './read-body.js';

const TRUSTS = ['certificate', 'key', 'authority'] as const;

/** Servers: look at one, register it with approval, list, check, renew and revoke. */
export function serverRoutes({ registry, approvals }: AppContext): Router {
  const router = Router();

  router.post('/inspect', async (request, response) => {
    const body = readBody(request, ['url']);
    const peer = await registry.inspect(needUrl(textIn(body, 'url')));
    const { description, issuers, problems, protocol, serverName } = peer;
    response.json({ presented: description, issuers, problems, protocol, serverName });
  });

  router.get('/servers', async (request, response) => {
    const { limit, after } = readPage(request);
    // One more than asked for says whether there are more.
    const found = await registry.list({ after, limit: limit === undefined ? limit : limit + 1 });
    const page = found.slice(0, limit);
    const next = found.length > page.length ? page.at(-1)?.id : null;
    response.json({ servers: page.map(toJson), next, worker: process.pid });
  });

  router.post('/servers', async (request, response) => {
    const body = readBody(request, [
      'id',
      'url',
      'trust',
      'ca',
      'caFingerprint',
      'serverName',
      'fingerprint',
      'approvedBy',
      'replace',
    ]);
    const id = textIn(body, 'id');
    const url = needUrl(textIn(body, 'url'));
    if (id === undefined) throw new ApiError(400, 'id: missing');
    const serverName = textIn(body, 'serverName');
    const approvedBy = textIn(body, 'approvedBy');
    const options: RegisterOptions = {
      ...(await readTrust(body)),
      ...(serverName === undefined ? {} : { serverName }),
      expectFingerprint: textIn(body, 'fingerprint'),
      approvedBy,
      replace: body['replace'] === true,
    };
    const register = () => registry.register(id, url, options);
    const server = await approvals.keep(id, 'registered', approvedBy, register, (one) => one);
    response.status(201).json({ server, worker: process.pid });
  });

  router.post('/servers/:id/check', async (request, response) => {
    const check = await registry.check(request.params.id);
    response.json({ check: checkToJson(check), worker: process.pid });
  });

  router.post('/servers/:id/renew', async (request, response) => {
    const body = readBody(request, ['fingerprint', 'approvedBy']);
    const { id } = request.params;
    const approvedBy = textIn(body, 'approvedBy');
    const expectFingerprint = textIn(body, 'fingerprint');
    const renew = () => registry.renew(id, { expectFingerprint, approvedBy });
    const renewal =
      expectFingerprint === undefined
        ? await renew()
        : await approvals.keep(id, 'renewed', approvedBy, renew, ({ server }) => server);
    response.json({ ...renewal, worker: process.pid });
  });

  router.delete('/servers/:id', async (request, response) => {
    const body = readBody(request, ['approvedBy']);
    const { id } = request.params;
    const revoke = async () => {
      if (!(await registry.revoke(id)))
        throw new ApiError(404, 'no server of that id is registered');
    };
    await approvals.keep(id, 'revoked', textIn(body, 'approvedBy'), revoke, () => undefined);
    response.json({ revoked: true, worker: process.pid });
  });

  return router;
}

function needUrl(url: string | undefined): string {
  if (url === undefined) throw new ApiError(400, 'url: missing');
  return url;
}

async function readTrust(body: Body): Promise<Pick<RegisterOptions, 'trust' | 'pin'>> {
  const trust = choiceIn(body, 'trust', TRUSTS);
  if (trust === 'authority') return { trust: await readAuthority(body) };
  if (textIn(body, 'ca') !== undefined || textIn(body, 'caFingerprint') !== undefined) {
    throw new ApiError(400, "ca, caFingerprint: with trust 'authority' only");
  }
  return trust === undefined ? {} : { pin: trust };
}

function toJson(entry: RegistryEntry): object {
  if (entry.error === undefined) return entry;
  return { id: entry.id, ...describeError(entry.error).body };
}

function checkToJson({ error, ...check }: ServerCheck): object {
  return error === undefined ? check : { ...check, ...describeError(error).body };
}
