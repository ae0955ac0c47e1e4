import axe from 'axe-core';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { debianProgram } from '../../support/debian-program.js';

/** Nothing of it reaches out of this machine. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launchChromium(): Promise<Browser> {
  const executablePath = await debianProgram('chromium');
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page that is used by nothing but its keyboard. */
export interface KeyboardPage {
  readonly page: Page;
  /** Errors in the console, and what a policy of the page refused. */
  readonly complaints: readonly string[];
  /** Presses Tab until this is focused. */
  tabTo(target: Locator): Promise<void>;
  press(key: string): Promise<void>;
  /** Types into what is focused, in the place of what is there. */
  type(text: string): Promise<void>;
  isFocused(target: Locator): Promise<boolean>;
  /** Pixels that the page is wider than its window. */
  overflow(): Promise<number>;
  /** What axe finds against WCAG 2.2 AA, in words. */
  barriers(): Promise<readonly string[]>;
}

/** Tabs until this is called a failure: more than there are stops on the page. */
const MAX_TABS = 100;

export async function openKeyboardPage(browser: Browser, url: string): Promise<KeyboardPage> {
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);

  const isFocused = (target: Locator) =>
    target.evaluate(
      (element: { ownerDocument: { activeElement: unknown } }) =>
        element === element.ownerDocument.activeElement,
    );

  return {
    page,
    complaints,
    isFocused,
    async tabTo(target) {
      await target.waitFor();
      for (let i = 0; i < MAX_TABS; i++) {
        if (await isFocused(target)) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`the keyboard does not reach ${target}`);
    },
    press: (key) => page.keyboard.press(key),
    async type(text) {
      await page.keyboard.press('Control+A');
      await page.keyboard.insertText(text);
    },
    overflow: () =>
      page.evaluate('document.documentElement.scrollWidth - innerWidth') as Promise<number>,
    async barriers() {
      if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source);
      const found = await page.evaluate(
        `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
      );
      return (found as axe.AxeResults).violations.flatMap(({ id, help, nodes }) =>
        nodes.map(({ html }) => `${id}: ${help}: ${html}`),
      );
    },
  };
}
