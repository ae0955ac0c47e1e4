import { readFile } from 'node:fs/promises';
import { Router } from 'express';
import type { AppContext } from './app.js';
import { describeAuthority, readAuthority } from './authority.js';
import { readBody, textIn } from './read-body.js';

/** Certificates as files: an authority's that comes, for one or many servers, and a server's that goes. */
export function certificateRoutes({ registry, approvals }: AppContext): Router {
  const router = Router();

  router.post('/authorities/inspect', async (request, response) => {
    const body = readBody(request, ['ca']);
    response.json({ presented: await describeAuthority(textIn(body, 'ca')) });
  });

  router.post('/servers/:id/authority', async (request, response) => {
    const body = readBody(request, ['ca', 'caFingerprint', 'approvedBy']);
    const { id } = request.params;
    const trust = await readAuthority(body);
    const approvedBy = textIn(body, 'approvedBy');
    const before = await registry.get(id);
    // What is asked for in addition stays; the pins of a server that was known by its key are what this replaces.
    const pins = before.kind === 'authority' && before.pins.length > 0 ? { pins: before.pins } : {};
    const name = before.serverName === undefined ? {} : { serverName: before.serverName };
    // Judged with a connection: a server that this authority does not cover keeps what it has.
    const update = () => registry.update(id, { trust: { ...trust, ...pins, ...name }, approvedBy });
    const server = await approvals.keep(id, 'authority', approvedBy, update, (one) => one);
    response.json({ server, worker: process.pid });
  });

  router.get('/servers/:id/certificate', async (request, response) => {
    await using file = await registry.certificateFile(request.params.id);
    const pem = await readFile(file.path, 'utf8');
    response.set('Content-Disposition', 'attachment; filename="certificate.pem"');
    response.type('application/x-pem-file').send(pem);
  });

  return router;
}
