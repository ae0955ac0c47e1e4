import { describe, expect, it } from 'vitest';
import { TokenOrder } from '../../../src/transports/token-order.js';

const tokensOf = (n: number) => ({ access_token: `A${n}`, refresh_token: `R${n}` });

describe('tokens are stored in the order of the requests that brought them', () => {
  it('a save of older tokens that comes after one of newer tokens is dropped', async () => {
    const order = new TokenOrder();
    const stored: number[] = [];
    for (const n of [1, 2]) order.came(order.begin(), tokensOf(n), undefined);
    await order.save(tokensOf(2), 'as', () => stored.push(2));
    await order.save(tokensOf(1), 'as', () => stored.push(1));
    expect(stored).toEqual([2]);
  });

  it('a slow save of older tokens ends before that of newer tokens begins', async () => {
    const order = new TokenOrder();
    const stored: number[] = [];
    for (const n of [1, 2]) order.came(order.begin(), tokensOf(n), undefined);
    let go = (): void => {};
    const first = order.save(tokensOf(1), 'as', async () => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      stored.push(1);
    });
    const second = order.save(tokensOf(2), 'as', () => stored.push(2));
    await new Promise((resolve) => setImmediate(resolve));
    go();
    await Promise.all([first, second]);
    expect(stored).toEqual([1, 2]);
  });

  it('an answer is saved once, and again if that fails', async () => {
    const order = new TokenOrder();
    order.came(order.begin(), tokensOf(1), undefined);
    let saves = 0;
    const failing = order.save(tokensOf(1), 'as', () => {
      saves++;
      throw new Error('no store');
    });
    await expect(failing).rejects.toThrow('no store');
    for (let i = 0; i < 3; i++) await order.save(tokensOf(1), 'as', () => saves++);
    expect(saves).toBe(2);
  });

  it('the tokens of two authorization servers do not replace each other', async () => {
    const order = new TokenOrder();
    const stored: number[] = [];
    for (const n of [1, 2]) order.came(order.begin(), tokensOf(n), undefined);
    await order.save(tokensOf(2), 'two', () => stored.push(2));
    await order.save(tokensOf(1), 'one', () => stored.push(1));
    expect(stored).toEqual([2, 1]);
  });

  it('tokens that a provider had before are not saved again over those that came since', async () => {
    const order = new TokenOrder();
    const stored: number[] = [];
    order.had(tokensOf(0));
    await order.save(tokensOf(0), 'as', () => stored.push(0));
    order.came(order.begin(), tokensOf(1), undefined);
    await order.save(tokensOf(1), 'as', () => stored.push(1));
    await order.save(tokensOf(0), 'as', () => stored.push(0));
    expect(stored).toEqual([0, 1]);
  });
});
