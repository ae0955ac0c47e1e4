/**
 * Asks with the fetch of Node.js for the process that started it. Plain JavaScript: it is started
 * once for each check, and compiling it would take longer than the check. `extra-ca-certs.ts` has the
 * types of the messages.
 */

/** @type {Map<number, AbortController>} */
const running = new Map();

process.on('message', async (message) => {
  const { id, abort, init, url } = message;
  if (abort) {
    running.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const response = await fetch(url, { ...init, signal: controller.signal });
    process.send({ id, status: response.status, headers: Object.fromEntries(response.headers) });
    for await (const chunk of response.body ?? []) process.send({ id, chunk });
    process.send({ id, chunk: null });
  } catch (error) {
    const why = error.cause === undefined ? '' : ` <- ${error.cause.message}`;
    process.send({ id, error: `${error.message}${why}` });
  } finally {
    running.delete(id);
  }
});

process.on('disconnect', () => process.exit());
process.send({ ready: true });
