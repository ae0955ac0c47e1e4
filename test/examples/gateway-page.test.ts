import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KeyboardPage, launchChromium, openKeyboardPage } from './support/keyboard-page.js';
import { type Gateway, startGateway } from './support/start-gateway.js';

/**
 * The page of examples/gateway in a browser, used by its keyboard alone: nothing here clicks.
 * With SCREENSHOTS=DIRECTORY it takes pictures of every state.
 */

const pictures = process.env['SCREENSHOTS'];
let gateway: Gateway;
let browser: Browser;
let keys: KeyboardPage;

// The browser may have to be installed first.
beforeAll(async () => {
  [gateway, browser] = await Promise.all([
    startGateway({ args: ['--with-servers'] }),
    launchChromium(),
  ]);
  keys = await openKeyboardPage(browser, `${gateway.url}#token=${gateway.token}`);
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
});

/** Looks at the page as a telephone at night and a desk by day would show it. */
async function look(name: string): Promise<void> {
  const { page } = keys;
  for (const [width, colorScheme] of [
    [400, 'dark'],
    [1280, 'light'],
  ] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    expect(await keys.overflow(), `${name} at ${width}`).toBeLessThanOrEqual(0);
    expect(await keys.barriers(), `${name}, ${colorScheme}`).toEqual([]);
  }
  if (pictures !== undefined) await photograph(name, pictures);
}

async function photograph(name: string, directory: string): Promise<void> {
  for (const width of [400, 1280]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await keys.page.setViewportSize({ width, height: 900 });
      await keys.page.emulateMedia({ colorScheme });
      const path = join(directory, `${name}-${width}-${colorScheme}.png`);
      await keys.page.screenshot({ path, fullPage: true });
    }
  }
}

const button = (name: string | RegExp) => keys.page.getByRole('button', { name, exact: true });
const status = () => keys.page.locator('#status').textContent();
const says = (text: string) =>
  keys.page.locator('#status[role=status]').filter({ hasText: text }).waitFor();

describe('the page of examples/gateway, by keyboard', () => {
  it('takes the token out of the address', async () => {
    await keys.page.getByRole('heading', { name: 'Servers', exact: true }).waitFor();
    expect(keys.page.url()).toBe(gateway.url);
    await look('empty');
  });

  it('shows a certificate, and registers only the one that was told', async () => {
    await keys.tabTo(button('Look at it: weather'));
    await keys.press('Enter');
    const address = keys.page.getByLabel('Address');
    expect(await keys.isFocused(address)).toBe(true);
    await keys.press('Enter');
    const heading = keys.page.getByRole('heading', { name: /^What 127\.0\.0\.1:\d+ presents$/ });
    await heading.waitFor();
    await says('Nothing is trusted yet');
    expect(await keys.isFocused(heading)).toBe(true);
    expect(await keys.page.locator('.fingerprint').textContent()).toBe(
      gateway.fingerprint('weather'),
    );
    await look('presented');

    const told = keys.page.getByLabel('Fingerprint that you were told');
    await keys.tabTo(told);
    await keys.type(gateway.fingerprint('billing'));
    await keys.page.getByText('It is not the same').waitFor();
    await keys.press('Enter');
    await says('MCP_TLS_FINGERPRINT_MISMATCH');
    expect((await gateway.ask('servers')).body.servers).toEqual([]);

    await keys.type(gateway.fingerprint('weather'));
    await keys.page.getByText('It is the same').waitFor();
    await keys.tabTo(keys.page.getByLabel('Your name, for the record'));
    await keys.type('<b>Ada</b>');
    await keys.press('Enter');
    await says('weather is registered');
    expect(await keys.isFocused(keys.page.getByRole('heading', { name: 'weather' }))).toBe(true);
    await keys.page.getByText('by <b>Ada</b>').waitFor();
    await keys.page.getByText(/^answers, \d+ ms$/).waitFor();
  });

  it.each([
    ['Streamable HTTP', 'Home'],
    ['SSE', 'End'],
  ])('calls a tool over %s', async (transport, key) => {
    await keys.tabTo(button('Tools'));
    await keys.press('Enter');
    await keys.page.getByRole('heading', { name: 'Tools of weather' }).waitFor();
    await keys.tabTo(keys.page.getByLabel('Over'));
    await keys.press(key);
    expect(await keys.page.getByLabel('Over').locator('option:checked').textContent()).toBe(
      transport,
    );
    await keys.tabTo(keys.page.getByLabel('Arguments, JSON'));
    await keys.type('{ "text": "<img src=x onerror=alert(1)>" }');
    await keys.tabTo(button('Call'));
    await keys.press('Enter');
    await says('echo answered.');
    expect(await keys.page.getByLabel('Answer').textContent()).toBe('<img src=x onerror=alert(1)>');
    if (transport === 'SSE') await look('tool');
    await keys.page.keyboard.press('Shift+Tab');
    await keys.tabTo(button('Tools'));
    await keys.press('Enter');
  });

  it('refuses a changed certificate until it was compared side by side', async () => {
    await keys.tabTo(button('Renew, new key: weather'));
    await keys.press('Enter');
    await says('weather has a new certificate with a new key');
    await keys.tabTo(button('Check'));
    await keys.press('Enter');
    await says('presents what is not trusted');

    await keys.page.getByText('weather presents another certificate').waitFor();

    await keys.tabTo(button('Renew'));
    await keys.press('Enter');
    const heading = keys.page.getByRole('heading', { name: 'A new certificate with a new key' });
    await heading.waitFor();
    await says('It is refused until you approve it');
    expect(await keys.isFocused(heading)).toBe(true);
    await look('renewal');
    await keys.tabTo(keys.page.getByLabel('Fingerprint that you were told'));
    await keys.type(gateway.fingerprint('weather'));
    await keys.press('Enter');
    await says('the new certificate is trusted now');
    await keys.page.getByText(/^answers, \d+ ms$/).waitFor();
  });

  it('registers by an authority, and shows all there are', async () => {
    await keys.tabTo(button('Look at it: billing'));
    await keys.press('Enter');
    await keys.press('Enter');
    await says('Nothing is trusted yet');
    await keys.tabTo(keys.page.getByRole('radio', { name: /^This certificate/ }));
    await keys.press('ArrowDown');
    await keys.press('ArrowDown');
    await keys.tabTo(button('Approve and register'));
    await keys.press('Enter');
    await says('billing is registered');
    await keys.tabTo(button('Look at it: archive'));
    await keys.press('Enter');
    await keys.press('Enter');
    await says('Nothing is trusted yet');
    await keys.tabTo(keys.page.getByLabel('Fingerprint that you were told'));
    await keys.type(gateway.fingerprint('archive'));
    await keys.press('Enter');
    await says('archive is registered');
    await keys.page.getByText('5 days left', { exact: true }).waitFor();
    await look('servers');
  });

  it('revokes after asking, and not after Escape', async () => {
    const card = keys.page.getByRole('listitem').filter({ hasText: 'archive.internal' });
    expect(await card.count()).toBe(0);
    const revoke = keys.page
      .getByRole('listitem', { name: 'weather' })
      .getByRole('button', { name: 'Revoke' });
    await keys.tabTo(revoke);
    await keys.press('Enter');
    const dialog = keys.page.getByRole('dialog', { name: 'Revoke weather?' });
    await dialog.waitFor();
    await look('revoke');
    await keys.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await keys.isFocused(revoke)).toBe(true);
    expect((await gateway.ask('servers')).body.servers).toHaveLength(3);

    await keys.press('Enter');
    await keys.tabTo(dialog.getByRole('button', { name: 'Revoke' }));
    await keys.press('Enter');
    await says('weather is revoked.');
    expect((await gateway.ask('servers')).body.servers).toHaveLength(2);
    expect(await keys.page.getByRole('heading', { name: 'weather' }).count()).toBe(0);
  });

  it('complained about nothing but what was refused on purpose', async () => {
    const unexpected = keys.complaints.filter((text) => !/status of (409|428)/.test(text));
    expect(unexpected).toEqual([]);
    expect(await status()).not.toBe('');
  });

  it('asks for the token without one, and tells that another is wrong', async () => {
    const stranger = await openKeyboardPage(browser, gateway.url);
    const token = stranger.page.getByLabel('Admin token');
    expect(await stranger.isFocused(token)).toBe(true);
    await stranger.type('not-the-admin-token');
    await stranger.press('Enter');
    await stranger.page.getByText('That is not the admin token.').waitFor();
    await stranger.tabTo(token);
    await stranger.type(gateway.token);
    await stranger.press('Enter');
    await stranger.page.getByRole('heading', { name: 'Servers', exact: true }).waitFor();
  });
});
