import { type Request, type Response, Router } from 'express';
import { ApiError } from './answer-error.js';
import type { AppContext } from './app.js';
import { choiceIn, readBody } from './read-body.js';
import { callTool, listTools, type ToolLink, TRANSPORTS } from './tool-calls.js';

/** The tools of a server, over Streamable HTTP (the default) or over SSE. */
export function toolRoutes({ registry }: AppContext): Router {
  const router = Router();

  function linkOf(
    request: Request<{ id: string }>,
    response: Response,
    choices: Readonly<Record<string, unknown>>,
  ): ToolLink {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const transport = choiceIn(choices, 'transport', TRANSPORTS) ?? 'streamable-http';
    return { registry, id: request.params.id, transport, signal: gone.signal };
  }

  router.get('/servers/:id/tools', async (request, response) => {
    const link = linkOf(request, response, request.query);
    response.json({ tools: await listTools(link), worker: process.pid });
  });

  router.post('/servers/:id/tools/:name', async (request, response) => {
    const body = readBody(request, ['arguments', 'transport']);
    const args = body['arguments'] ?? {};
    if (typeof args !== 'object' || Array.isArray(args)) {
      throw new ApiError(400, 'arguments: a JSON object, please');
    }
    const link = linkOf(request, response, body);
    const startedAt = performance.now();
    const result = await callTool(link, request.params.name, args as Record<string, unknown>);
    const milliseconds = Math.round(performance.now() - startedAt);
    response.json({ ...result, transport: link.transport, milliseconds, worker: process.pid });
  });

  return router;
}
