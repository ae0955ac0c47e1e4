// The test kit, beside the core: without the SDK and without anything else of a test.
import assert from 'node:assert/strict';
import { makeCustomClientFactory } from 'mcp-tls/core';
import { heldCertificate, startTlsServer } from 'mcp-tls/testing';

const certificate = await heldCertificate();
const server = await startTlsServer({ certificate });
const factory = makeCustomClientFactory(certificate.pem);
const response = await factory({ url: server.url })(server.url);
await response.body?.cancel();
await factory.close();
await server.close();
assert.equal(server.records.requests.length, 1);
