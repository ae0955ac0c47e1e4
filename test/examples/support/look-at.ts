import { join } from 'node:path';
import { expect } from 'vitest';
import type { KeyboardPage } from './keyboard-page.js';

const pictures = process.env['SCREENSHOTS'];

/**
 * Looks at a page as a telephone at night and a desk by day would show it: nothing is wider than the
 * window, and nothing keeps anybody out. With SCREENSHOTS=DIRECTORY it takes pictures.
 */
export async function lookAt(keys: KeyboardPage, name: string): Promise<void> {
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
  if (pictures !== undefined) await photograph(keys, name, pictures);
}

async function photograph({ page }: KeyboardPage, name: string, directory: string): Promise<void> {
  for (const width of [400, 1280]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      const path = join(directory, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
    }
  }
}
