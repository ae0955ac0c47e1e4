import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type HeldCertificate,
  heldCertificate,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';
import { type KeyboardPage, launchChromium, openKeyboardPage } from './support/keyboard-page.js';
import { lookAt } from './support/look-at.js';
import { type Gateway, startGateway } from './support/start-gateway.js';

/** The page of examples/gateway with two hundred servers, in a browser, by keyboard alone. */

const DAY_MS = 86_400_000;
const COUNT = 204;
/** Of a server whose name a hostile operator chose. */
const HOSTILE = '=HYPERLINK("//x")<img src=x onerror=alert(1)>';

let certificates: Record<'steady' | 'ending' | 'moving', HeldCertificate>;
let servers: Record<'steady' | 'ending' | 'moving', McpTestServer>;
let gateway: Gateway;
let browser: Browser;
let keys: KeyboardPage;

beforeAll(async () => {
  const inDays = (days: number) => new Date(Date.now() + days * DAY_MS + DAY_MS / 24);
  const [steady, ending, moving] = await Promise.all([
    heldCertificate({ commonName: 'steady.internal', notAfter: inDays(365) }),
    heldCertificate({ commonName: 'ending.internal', notAfter: inDays(5) }),
    heldCertificate({ commonName: 'moving.internal', notAfter: inDays(90) }),
  ]);
  certificates = { steady, ending, moving };
  const start = (certificate: HeldCertificate) =>
    startMcpServer({ certificate, transport: 'both' });
  servers = {
    steady: await start(steady),
    ending: await start(ending),
    moving: await start(moving),
  };
  gateway = await startGateway();
  await register('weather-moving', 'moving');
  for (const n of [1, 2, 3]) await register(`ending-${n}`, 'ending');
  await register(HOSTILE, 'steady');
  for (let i = 5; i < COUNT; i += 8) {
    const some = Array.from({ length: Math.min(8, COUNT - i) }, (_, k) => i + k);
    await Promise.all(some.map((n) => register(`server-${String(n).padStart(3, '0')}`, 'steady')));
  }
  servers.moving.rotate(await heldCertificate({ commonName: 'moving.internal' }), {
    dropConnections: true,
  });
  browser = await launchChromium();
  keys = await openKeyboardPage(browser, `${gateway.url}#token=${gateway.token}`);
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
  for (const server of Object.values(servers ?? {})) await server.close();
});

async function register(id: string, which: keyof typeof servers): Promise<void> {
  const { mcpUrl: url } = servers[which];
  const { fingerprint } = certificates[which];
  const answer = await gateway.ask('servers', {
    body: { id, url, fingerprint, approvedBy: 'ada' },
  });
  expect(answer.status).toBe(201);
}

const button = (name: string | RegExp) => keys.page.getByRole('button', { name, exact: true });
const names = () => keys.page.locator('button.toggle').allTextContents();
const shown = (text: string) => keys.page.locator('#shown').getByText(text).waitFor();
const height = () => keys.page.evaluate('document.documentElement.scrollHeight') as Promise<number>;

describe('the list of servers', () => {
  it('comes in pages that are asked for, each once and in order', async () => {
    const seen: string[] = [];
    let next: string | null = null;
    let pages = 0;
    do {
      const after: string = next === null ? '' : `&after=${encodeURIComponent(next)}`;
      const { body } = await gateway.ask(`servers?limit=100${after}`);
      seen.push(...body.servers.map(({ id }: { id: string }) => id));
      next = body.next;
      pages++;
    } while (next !== null);
    expect(pages).toBe(3);
    expect(seen).toHaveLength(COUNT);
    expect(new Set(seen).size).toBe(COUNT);
    const { body } = await gateway.ask('servers');
    expect(body.servers.map(({ id }: { id: string }) => id)).toEqual(seen);
  });

  it.each(['limit=0', 'limit=1.5', 'limit=1001', 'limit=x', 'limit=1&limit=2'])(
    'refuses %s',
    async (query) => {
      expect(await gateway.ask(`servers?${query}`)).toMatchObject({ status: 400 });
    },
  );
});

describe('the table of two hundred servers', () => {
  it('checks all of them, and says in one line what needs somebody', async () => {
    await keys.page.getByText(`${COUNT} servers`).waitFor();
    await keys.page.locator('.progress').first().waitFor({ state: 'detached', timeout: 120_000 });
    await button('1 changed').waitFor();
    await button('3 expire within 7 days').waitFor();
    await keys.page.locator('#summary button:not([hidden])').nth(2).waitFor({ state: 'detached' });
    await lookAt(keys, 'two-hundred');
    for (const [width, most] of [
      [1280, 2_500],
      [400, 3_500],
    ] as const) {
      await keys.page.setViewportSize({ width, height: 900 });
      expect(await height(), `at ${width}`).toBeLessThan(most);
    }
    await keys.page.setViewportSize({ width: 1280, height: 900 });
  });

  it('leads from the summary to the server that changed', async () => {
    await keys.tabTo(button('1 changed'));
    await keys.press('Enter');
    await shown('1 to 1 of 1');
    expect(await names()).toEqual(['weather-moving']);
    expect(await keys.isFocused(button('1 changed'))).toBe(true);
    await keys.tabTo(keys.page.getByLabel('State', { exact: true }));
    await keys.press('Home');
    await shown(`1 to 25 of ${COUNT}`);
  });

  it('sorts by days left, and back', async () => {
    await keys.tabTo(button('Days left'));
    await keys.press('Enter');
    expect((await names()).slice(0, 4)).toEqual([
      'ending-1',
      'ending-2',
      'ending-3',
      'weather-moving',
    ]);
    const header = keys.page.getByRole('columnheader', { name: 'Days left' });
    expect(await header.getAttribute('aria-sort')).toBe('ascending');
    await keys.press('Enter');
    expect(await header.getAttribute('aria-sort')).toBe('descending');
    expect(await names()).not.toContain('ending-1');
  });

  it('searches names, addresses, fingerprints and approvers', async () => {
    const search = keys.page.getByLabel('Search');
    await keys.page.keyboard.press('Shift+Tab');
    await search.focus();
    for (const [text, count] of [
      ['server-20', 4],
      ['<IMG', 1],
      [certificates.ending.fingerprint.replaceAll(':', '').toLowerCase(), 3],
      [new URL(servers.ending.mcpUrl).host, 3],
      ['ada ending', 3],
    ] as const) {
      await keys.type(text);
      await shown(`1 to ${count} of ${count}`);
    }
    await keys.type('nothing of that name');
    await shown('No server matches.');
    await search.fill('');
    await shown(`1 to 25 of ${COUNT}`);
  });

  it('turns pages by keyboard, with every server on one of them', async () => {
    const seen = await names();
    const after = keys.page.getByRole('button', { name: 'Next' });
    while (!(await after.isDisabled())) {
      await keys.tabTo(after);
      await keys.press('Enter');
      seen.push(...(await names()));
    }
    expect(seen).toHaveLength(COUNT);
    expect(new Set(seen).size).toBe(COUNT);
    await shown(`201 to ${COUNT} of ${COUNT}`);
  });

  it('keeps a row open while others are checked', async () => {
    await keys.page.getByLabel('Search').focus();
    await keys.type('HYPERLINK');
    await shown('1 to 1 of 1');
    await keys.tabTo(button(HOSTILE));
    await keys.press('Enter');
    const detail = keys.page.getByRole('group', { name: HOSTILE });
    await detail.getByText('by ada').waitFor();
    await lookAt(keys, 'hostile');
    await keys.page.keyboard.press('Shift+Tab');
    await keys.page.getByRole('button', { name: 'Check all 1', exact: true }).focus();
    await keys.press('Enter');
    await keys.page.locator('#status').getByText('Checked 1: all in order.').waitFor();
    expect(await detail.isVisible()).toBe(true);
    expect(await keys.page.locator('img[src=x]').count()).toBe(0);
  });

  it('exports what is found as CSV, with nothing that a spreadsheet would run', async () => {
    await keys.tabTo(button('Export all 1 (CSV)'));
    const saving = keys.page.waitForEvent('download');
    await keys.press('Enter');
    const download = await saving;
    expect(download.suggestedFilename()).toBe('servers.csv');
    const [head, line, ...more] = readFileSync(await download.path(), 'utf8').split('\r\n');
    expect(head).toMatch(/^id,url,state,days left,/);
    expect(line).toContain(`"'${HOSTILE.replaceAll('"', '""')}",${servers.steady.mcpUrl},answers,`);
    expect(more).toEqual(['']);
  });

  it('downloads the certificate on record as PEM', async () => {
    const detail = keys.page.getByRole('group', { name: HOSTILE });
    await keys.tabTo(detail.getByRole('button', { name: 'Download PEM' }));
    const saving = keys.page.waitForEvent('download');
    await keys.press('Enter');
    const download = await saving;
    expect(download.suggestedFilename()).toMatch(/^_HYPERLINK_x_img_src_x_onerror_alert_1_\.pem$/);
    const pem = readFileSync(await download.path(), 'utf8');
    expect(pem.trim()).toBe(certificates.steady.pem.trim());
  });

  it('leaves no error in the console of the browser', () => {
    expect(keys.complaints).toEqual([]);
  });
});

describe('one authority for many servers', () => {
  let authority: HeldCertificate;
  let issued: McpTestServer;

  beforeAll(async () => {
    authority = await heldCertificate({ commonName: 'Example CA', isCa: true });
    const certificate = await heldCertificate({ commonName: 'issued', signedBy: authority });
    issued = await startMcpServer({ certificate, transport: 'both' });
    for (const id of ['issued-1', 'issued-2']) {
      const { fingerprint } = certificate;
      const body = { id, url: issued.mcpUrl, fingerprint };
      expect(await gateway.ask('servers', { body })).toMatchObject({ status: 201 });
    }
  });

  afterAll(() => issued?.close());

  const kindOf = async (id: string) => {
    const { body } = await gateway.ask('servers');
    return body.servers.find((server: { id: string }) => server.id === id).kind;
  };

  it.each([
    ['a fingerprint that nobody compared', {}, 428],
    ['an empty one', { caFingerprint: '' }, 428],
    ['another one', { caFingerprint: 'AB'.repeat(32) }, 409],
    ['the beginning of the right one', { half: true }, 409],
    ['the certificate of a server', { leaf: true }, 400],
    ['no certificate', { ca: 'hello' }, 400],
  ])('is not approved with %s', async (_name, how, status) => {
    const { half, leaf, ...given } = how as Record<string, unknown>;
    const { pem: ca, fingerprint } = leaf ? certificates.steady : authority;
    const told = half ? { caFingerprint: fingerprint.slice(0, 47) } : {};
    const leafs = leaf ? { caFingerprint: fingerprint } : {};
    const body = { ca, ...leafs, ...told, ...given };
    const path = 'servers/issued-1/authority';
    expect(await gateway.ask(path, { body })).toMatchObject({ status });
    const registration = { id: 'another', url: issued.mcpUrl, trust: 'authority', ...body };
    expect(await gateway.ask('servers', { body: registration })).toMatchObject({ status });
    expect(await kindOf('issued-1')).toBe('certificate');
  });

  it('is approved from a file, for all selected that it issued and for no other', async () => {
    await keys.page.reload();
    await keys.page.getByLabel('Search').fill('ending-1');
    await shown('1 to 1 of 1');
    await keys.page.getByLabel('Select ending-1').check();
    await keys.page.getByLabel('Search').fill('issued');
    await shown('1 to 2 of 2');
    await keys.page.getByLabel('Select issued-1').check();
    await keys.page.getByLabel('Select issued-2').check();
    await keys.tabTo(button('Trust a CA'));
    await keys.press('Enter');
    await keys.page.getByRole('heading', { name: 'One authority for 3 servers' }).waitFor();
    const der = new X509Certificate(authority.pem).raw;
    const file = { name: 'ca.der', mimeType: 'application/pkix-cert', buffer: der };
    await keys.page.getByLabel('or from a file').setInputFiles(file);
    const given = keys.page.getByLabel('Fingerprint of the authority from the operator');
    await keys.tabTo(given);
    await keys.type(certificates.steady.fingerprint);
    expect(await button('Approve for 3').isDisabled()).toBe(true);
    await keys.type(authority.fingerprint);
    await keys.tabTo(keys.page.getByLabel('Your name, for the record'));
    await keys.type('grace');
    await lookAt(keys, 'bulk');
    await keys.press('Enter');
    await keys.page.locator('#status').getByText('2 of 3 trust it now.').waitFor();
    const refused = keys.page.locator('#bulk-panel .problems li');
    expect(await refused.allTextContents()).toEqual([expect.stringMatching(/^ending-1 .*MCP_TLS/)]);
    expect(await kindOf('issued-1')).toBe('authority');
    expect(await kindOf('issued-2')).toBe('authority');
    expect(await kindOf('ending-1')).toBe('certificate');
    const { body } = await gateway.ask('servers?limit=1&after=issued-1');
    expect(body.servers).toMatchObject([{ id: 'issued-2', approvedBy: 'grace' }]);
  });
});
