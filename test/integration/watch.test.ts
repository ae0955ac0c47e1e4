import { describe, expect, it } from 'vitest';
import type { CertificateStore } from '../../src/index.js';
import { shardOf } from '../../src/registry/watch/shared-states.js';
import { recordKey } from '../../src/store/record-key.js';
import { heldCertificate } from '../../src/testing/index.js';
import { endOf, inDays, listen, next, open, openStore, scans, serve } from './watch-setup.js';

describe('registry.watch', () => {
  it('reports that a certificate is about to expire, once for each limit', async () => {
    const registry = open();
    const { server, held, approved } = await serve(
      await heldCertificate({ notAfter: inDays(20.5) }),
    );
    await registry.register('a', server.mcpUrl, approved);
    const { watch, events } = listen(registry, { expiringDays: [7, 30] });
    expect(await next(watch, 'expiring')).toEqual({
      type: 'expiring',
      id: 'a',
      at: expect.any(Date),
      first: true,
      what: 'certificate',
      daysLeft: 20,
      validUntil: endOf(held),
      fingerprint: held.fingerprint,
    });
    await scans(server, 3);
    expect(events).toHaveLength(1);
  });

  it('reports that a certificate has expired, even where the policy allows it', async () => {
    const registry = open();
    const past = { notBefore: inDays(-9), notAfter: inDays(-1.5) };
    const { server, approved } = await serve(await heldCertificate(past));
    await registry.register('a', server.mcpUrl, { ...approved, pin: 'key' });
    const event = await next(registry.watch(), 'expired');
    expect(event).toMatchObject({ id: 'a', daysLeft: -2, first: true });
  });

  it('reports that an approval expires', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const expiresAt = inDays(3);
    await registry.update('a', { expiresAt });
    const event = await next(registry.watch(), 'expiring');
    expect(event).toMatchObject({ what: 'approval', daysLeft: 2, validUntil: expiresAt });
  });

  it('reports that a client certificate expires, which no server announces', async () => {
    const registry = open();
    const clientCa = await heldCertificate({ isCa: true });
    const ours = await heldCertificate({ signedBy: clientCa, notAfter: inDays(3.5) });
    const { server, approved } = await serve();
    server.requireClientCertificate(clientCa);
    await registry.register('a', server.mcpUrl, {
      ...approved,
      clientCertificate: { cert: ours.pem, key: ours.keyPem },
    });
    const event = await next(registry.watch(), 'expiring');
    expect(event).toMatchObject({
      what: 'client certificate',
      daysLeft: 3,
      validUntil: endOf(ours),
      fingerprint: ours.fingerprint,
    });
  });

  it('reports a client certificate of hours by the share of its lifetime that is left', async () => {
    const registry = open();
    const ours = await heldCertificate({ notBefore: inDays(-0.4), notAfter: inDays(0.1) });
    const { server, approved } = await serve();
    server.requireClientCertificate(ours);
    await registry.register('a', server.mcpUrl, {
      ...approved,
      clientCertificate: { cert: ours.pem, key: ours.keyPem },
    });
    const { watch, events } = listen(registry, { expiringDays: ['1/3', '1/10', 0.05] });
    expect(await next(watch, 'expiring')).toMatchObject({
      what: 'client certificate',
      daysLeft: 0,
      validUntil: endOf(ours),
    });
    await scans(server, 3);
    expect(events).toHaveLength(1);
  });

  it('reports that a leaf under an authority expires', async () => {
    const registry = open();
    const ca = await heldCertificate({ isCa: true, notAfter: inDays(900) });
    const leaf = await heldCertificate({ signedBy: ca, notAfter: inDays(5.5) });
    const { server } = await serve(leaf);
    await registry.register('a', server.mcpUrl, { trust: { ca: ca.pem } });
    const event = await next(registry.watch(), 'expiring');
    expect(event).toMatchObject({ daysLeft: 5, fingerprint: ca.fingerprint });
  });

  it('reports another certificate, old and new side by side, until it is approved', async () => {
    const registry = open();
    const { server, held, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch, events, types } = listen(registry);
    await scans(server, 1);
    const other = await heldCertificate({ notAfter: inDays(400) });
    server.rotate(other, { dropConnections: true });
    const event = await next(watch, 'changed');
    expect(event.current.fingerprint).toBe(held.fingerprint);
    expect(event.presented.fingerprint).toBe(other.fingerprint);
    expect(event.presented.notAfter).toEqual(endOf(other));
    expect(event.current.notAfter).toEqual(endOf(held));
    await expect.poll(types).toEqual(['changed', 'refused']);
    expect(events[1]).toMatchObject({ code: 'MCP_TLS_SELF_SIGNED', first: true });
    await scans(server, 4);
    expect(types()).toEqual(['changed', 'refused']);

    await registry.renew('a', { expectFingerprint: other.fingerprint });
    await expect.poll(types).toEqual(['changed', 'refused', 'renewed']);
    expect(events[2]).toMatchObject({
      fingerprint: other.fingerprint,
      previousFingerprint: held.fingerprint,
    });
  });

  it('reports a renewal that the trust covers, and puts it on record', async () => {
    const registry = open();
    const { server, held, approved } = await serve();
    await registry.register('a', server.mcpUrl, { ...approved, pin: 'key' });
    const { watch, types } = listen(registry);
    await scans(server, 1);
    const renewed = await heldCertificate({ renewFrom: held, notAfter: inDays(300) });
    server.rotate(renewed, { dropConnections: true });
    expect(await next(watch, 'renewed')).toMatchObject({ fingerprint: renewed.fingerprint });
    const [listed] = await registry.list();
    expect(listed).toMatchObject({ fingerprint: renewed.fingerprint });
    await scans(server, 3);
    expect(types()).toEqual(['renewed']);
  });

  it('reports a revocation', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch } = listen(registry, { intervalMs: 3_600_000 });
    await scans(server, 1);
    const event = next(watch, 'revoked');
    await registry.revoke('a');
    expect(await event).toMatchObject({ type: 'revoked', id: 'a', first: true });
  });

  it('reports a revocation while the first look at its server has not been published', async () => {
    const registry = open();
    const ids = Array.from({ length: 500 }, (_, i) => `server-${i}`);
    const [revoked = '', stalling = ''] = ids.filter((id) => shardOf(id) === shardOf('server-0'));
    const [first, second] = [await serve(), await serve()];
    await registry.register(revoked, first.server.mcpUrl, first.approved);
    await registry.register(stalling, second.server.mcpUrl, second.approved);
    second.server.stall('handshake');
    const { watch } = listen(registry, { intervalMs: 3_600_000 });
    await scans(first.server, 1);
    const event = next(watch, 'revoked');
    await registry.revoke(revoked);
    expect(await event).toMatchObject({ type: 'revoked', id: revoked, first: true });
  });

  it('reports a revocation between the first list and the first look at the record', async () => {
    const store = openStore();
    const { server, approved } = await serve();
    let lists = 0;
    const registry = open({
      ...store,
      list: async () => {
        const listed = await store.list();
        if (lists++ === 0) await registry.revoke('a');
        return listed;
      },
    });
    await registry.register('a', server.mcpUrl, approved);
    await registry.register('b', server.mcpUrl, approved);
    const { types, events } = listen(registry);
    await expect.poll(types).toEqual(['revoked']);
    await scans(server, 3);
    expect(events).toEqual([{ type: 'revoked', id: 'a', at: expect.any(Date), first: true }]);
  });

  it('reports a refused request at once, with what is presented instead', async () => {
    const registry = open();
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch, types } = listen(registry, { intervalMs: 3_600_000 });
    await scans(server, 1);
    server.rotate(await heldCertificate(), { dropConnections: true });
    const client = (await registry.clientFactory('a'))();
    const changed = next(watch, 'changed');
    const failures = Array.from({ length: 30 }, () => client(server.mcpUrl));
    for (const { status } of await Promise.allSettled(failures)) expect(status).toBe('rejected');
    await changed;
    await expect.poll(types).toEqual(['refused', 'changed']);
  });

  it('reports a record that cannot be read', async () => {
    const map = new Map<string, string>();
    const registry = open(openStore(map));
    const { server, approved } = await serve();
    await registry.register('a', server.mcpUrl, approved);
    const { watch } = listen(registry);
    await scans(server, 1);
    const event = next(watch, 'refused');
    const record = [...map.keys()].find((name) => name.endsWith(recordKey('a'))) as string;
    expect(record).toBeDefined();
    map.set(record, `${map.get(record)}A`);
    expect(await event).toMatchObject({ id: 'a', code: 'MCP_TLS_STORE_TAMPERED' });
  });

  it('reports a store that fails, and goes on when it is back', async () => {
    const store = openStore();
    let failing = false;
    const flaky: CertificateStore = {
      ...store,
      list: () => (failing ? Promise.reject(new Error('out of reach')) : store.list()),
    };
    const registry = open(flaky);
    const { server, held, approved } = await serve();
    await registry.register('a', server.mcpUrl, { ...approved, pin: 'key' });
    const { watch } = listen(registry);
    await scans(server, 1);
    failing = true;
    const { error } = await next(watch, 'failed');
    expect(String(error)).toContain('out of reach');
    server.rotate(await heldCertificate({ renewFrom: held, notAfter: inDays(300) }), {
      dropConnections: true,
    });
    failing = false;
    await next(watch, 'renewed');
  });
});
