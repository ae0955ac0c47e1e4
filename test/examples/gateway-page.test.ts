import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KeyboardPage, launchChromium, openKeyboardPage } from './support/keyboard-page.js';
import { lookAt } from './support/look-at.js';
import { type Gateway, startGateway } from './support/start-gateway.js';

/**
 * The page of examples/gateway in a browser, used by its keyboard alone: nothing here clicks.
 * With SCREENSHOTS=DIRECTORY it takes pictures of every state.
 */

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

const look = (name: string) => lookAt(keys, name);
const button = (name: string | RegExp) => keys.page.getByRole('button', { name, exact: true });
const inDetail = (id: string, name: string) =>
  keys.page.getByRole('group', { name: id }).getByRole('button', { name, exact: true });
const status = () => keys.page.locator('#status').textContent();
const says = (text: string) =>
  keys.page.locator('#status[role=status]').filter({ hasText: text }).waitFor();

describe('the page of examples/gateway, by keyboard', () => {
  it('takes the token out of the address', async () => {
    await keys.page.getByRole('heading', { name: 'Servers', exact: true }).waitFor();
    expect(keys.page.url()).toBe(gateway.url);
    await look('empty');
  });

  it('shows a certificate, and registers it only with the fingerprint that the operator gave', async () => {
    await keys.tabTo(button('Look at it: weather'));
    await keys.press('Enter');
    const heading = keys.page.getByRole('heading', { name: /^What 127\.0\.0\.1:\d+ presents$/ });
    await heading.waitFor();
    await says('Nothing is trusted yet');
    expect(await keys.isFocused(heading)).toBe(true);
    expect(await keys.page.locator('.fingerprint').textContent()).toBe(
      gateway.fingerprint('weather'),
    );
    await look('presented');

    const given = keys.page.getByLabel('Fingerprint from the operator');
    await keys.tabTo(given);
    await keys.type(gateway.fingerprint('billing'));
    await keys.page.getByText('Does not match').waitFor();
    expect(await button('Approve and register').isDisabled()).toBe(true);
    await keys.press('Enter');
    expect((await gateway.ask('servers')).body.servers).toEqual([]);

    await keys.type(gateway.fingerprint('weather'));
    await keys.page.getByText('✓ Matches.').waitFor();
    await keys.tabTo(keys.page.getByLabel('Your name, for the record'));
    await keys.type('<b>Ada</b>');
    await keys.press('Enter');
    await says('weather is registered');
    expect(await keys.isFocused(button('weather'))).toBe(true);
    await keys.page.getByText(/^answers, \d+ ms$/).waitFor();
    await keys.press('Enter');
    await keys.page.getByText('by <b>Ada</b>').waitFor();
    await look('opened');
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
    await keys.tabTo(inDetail('weather', 'Check'));
    await keys.press('Enter');
    await says('weather: changed: compare it with Renew');

    await keys.page.getByText('weather presents another certificate').waitFor();

    await keys.tabTo(inDetail('weather', 'Renew'));
    await keys.press('Enter');
    const heading = keys.page.getByRole('heading', { name: 'A new certificate with a new key' });
    await heading.waitFor();
    await says('It is refused until you approve it');
    expect(await keys.isFocused(heading)).toBe(true);
    await look('renewal');
    await keys.tabTo(keys.page.getByLabel('Fingerprint from the operator'));
    await keys.type(gateway.fingerprint('weather'));
    await keys.press('Enter');
    await says('the new certificate is trusted now');
    await keys.page.getByText(/^answers, \d+ ms$/).waitFor();
  });

  it('shows who approved what, and what was trusted before', async () => {
    await keys.tabTo(inDetail('weather', 'History'));
    await keys.press('Enter');
    const history = keys.page.locator('.history li');
    await history.nth(1).waitFor();
    expect(await history.allTextContents()).toEqual([
      expect.stringContaining('new certificate approved by <b>Ada</b>'),
      expect.stringContaining('registered by <b>Ada</b>'),
    ]);
    const { approvals } = (await gateway.ask('approvals?id=weather')).body;
    expect(approvals).toMatchObject([
      { what: 'renewed', fingerprint: gateway.fingerprint('weather') },
      { what: 'registered', fingerprint: approvals[0].before },
    ]);
    expect(await history.first().textContent()).toContain(approvals[0].before);
    await look('history');
  });

  it('registers by an authority, and shows all there are', async () => {
    await keys.tabTo(button('Look at it: billing'));
    await keys.press('Enter');
    await says('Nothing is trusted yet');
    await keys.tabTo(keys.page.getByRole('radio', { name: /^This certificate/ }));
    await keys.press('ArrowDown');
    await keys.press('ArrowDown');
    const given = keys.page.getByLabel('Fingerprint of the authority from the operator');
    await keys.tabTo(given);
    await keys.type(gateway.fingerprint('billing'));
    await keys.page.getByText('✗ Does not match.').waitFor();
    expect(await button('Approve and register').isDisabled()).toBe(true);
    await keys.type(gateway.fingerprint('CA'));
    await look('authority');
    await keys.tabTo(button('Approve and register'));
    await keys.press('Enter');
    await says('billing is registered');
    expect(await keys.isFocused(button('billing'))).toBe(true);
    await keys.tabTo(button('Look at it: archive'));
    await keys.press('Enter');
    await says('Nothing is trusted yet');
    await keys.tabTo(keys.page.getByLabel('Fingerprint from the operator'));
    await keys.type(gateway.fingerprint('archive'));
    await keys.press('Enter');
    await says('archive is registered');
    await keys.page.getByText('5 days left', { exact: true }).waitFor();
    await look('servers');
  });

  it('says beside a field what is wrong with it, until it is changed', async () => {
    const address = keys.page.locator('#url');
    await address.focus();
    await keys.type('https://127.0.0.1:1/mcp');
    await keys.press('Enter');
    const error = keys.page.locator('#inspect .error[role=alert]');
    await error.filter({ hasText: 'MCP_TLS_UNREACHABLE' }).waitFor();
    expect(await keys.isFocused(address)).toBe(true);
    expect(await address.getAttribute('aria-invalid')).toBe('true');
    expect(await status()).toBe('');
    await look('field-error');
    await keys.type('https://127.0.0.1:2/mcp');
    expect(await error.count()).toBe(0);
    expect(await address.getAttribute('aria-invalid')).toBe(null);

    await keys.tabTo(button('Look at it: archive'));
    await keys.press('Enter');
    await says('Nothing is trusted yet');
    await keys.tabTo(keys.page.getByLabel('Fingerprint from the operator'));
    await keys.type(gateway.fingerprint('archive'));
    await keys.press('Enter');
    const id = keys.page.getByLabel('Name in this gateway');
    await keys.page
      .locator('#presented .error')
      .filter({ hasText: 'MCP_TLS_ALREADY_REGISTERED' })
      .waitFor();
    expect(await keys.isFocused(id)).toBe(true);
    await keys.tabTo(keys.page.locator('#presented').getByRole('button', { name: 'Cancel' }));
    await keys.press('Enter');
  });

  it('revokes after asking, and not after Escape', async () => {
    const revoke = inDetail('weather', 'Revoke');
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
    expect(await button('weather').count()).toBe(0);
    const { approvals } = (await gateway.ask('approvals?id=weather')).body;
    expect(approvals[0]).toMatchObject({ what: 'revoked', by: '<b>Ada</b>' });
  });

  it('leaves no error in the console but for what was refused on purpose', async () => {
    const unexpected = keys.complaints.filter((text) => !/status of (409|428|502)/.test(text));
    expect(unexpected).toEqual([]);
    expect(await status()).not.toBe('');
  });

  it('asks for a token where there is none, and says that a wrong one is wrong', async () => {
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
