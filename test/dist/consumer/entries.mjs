// Loads every entry of the package, as ES modules or CommonJS, and prints what came of each.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const load = process.argv[2] === 'cjs' ? require : (name) => import(name);
const told = {};
for (const entry of ['', '/v2', '/core', '/store', '/redis', '/testing']) {
  try {
    await load(`mcp-tls${entry}`);
    told[`mcp-tls${entry}`] = 'loaded';
  } catch (error) {
    told[`mcp-tls${entry}`] = error.message;
  }
}
const { heldCertificate, startMcpServer, pinningBattery } = await load('mcp-tls/testing');
try {
  const server = await startMcpServer({ certificate: await heldCertificate() });
  await server.close();
  told.startMcpServer = 'works';
} catch (error) {
  told.startMcpServer = `${error.code}: ${error.message}`;
}
try {
  const host = { connect: () => Promise.reject(new Error('no host')) };
  await pinningBattery(host, { include: ['host-calls'] });
  told.pinningBattery = 'works';
} catch (error) {
  told.pinningBattery = `${error.code}: ${error.message}`;
}
console.log(JSON.stringify(told));
