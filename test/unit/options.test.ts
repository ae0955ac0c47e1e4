import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  anyText,
  count,
  custom,
  date,
  declareOptions,
  flag,
  func,
  given,
  list,
  ms,
  nested,
  nullable,
  oneOf,
  passedOn,
  readOptions,
  required,
  signal,
  text,
} from '../../src/options.js';

interface Inner {
  depth?: number;
  ca?: string;
}
interface Outer {
  url: string;
  name?: string;
  mode?: 'none' | 'all';
  waitMs?: number | undefined;
  tries?: number;
  loud?: boolean;
  until?: Date | null;
  tags?: readonly string[];
  on?: () => void;
  signal?: AbortSignal;
  inner?: Inner;
}

const INNER = declareOptions<Inner>('inner', { depth: count(0, 9), ca: given(anyText()) });
const OUTER = declareOptions<Outer>(
  'make: options',
  {
    url: required(text('a URL')),
    name: given(anyText()),
    mode: oneOf('none', 'all'),
    waitMs: ms(),
    tries: count(1, 5),
    loud: flag(),
    until: nullable(date()),
    tags: list(text()),
    on: func(),
    signal: signal(),
    inner: nested(INNER),
  },
  { elsewhere: { verify: 'it is not switched off' } },
);

const read = (input: unknown) => readOptions(OUTER, input);
const messageOf = (input: unknown): string => {
  try {
    read(input);
  } catch (error) {
    expect(error).toMatchObject({ name: 'TlsConfigError', code: 'MCP_TLS_INVALID_ARGUMENT' });
    return (error as Error).message;
  }
  return 'no error';
};

describe('the reader of options', () => {
  it('gives a copy of what was checked: what becomes of the object later has no effect', () => {
    const inner = { depth: 1 };
    const input = { url: 'u', tags: ['a'], inner };
    const options = read(input);
    inner.depth = 99;
    input.tags.push('b');
    expect(options).toEqual({ url: 'u', tags: ['a'], inner: { depth: 1 } });
  });

  it('reads each field once: a getter cannot show one value and give another', () => {
    let asked = 0;
    const input = {
      get url() {
        return ++asked === 1 ? 'checked' : 42;
      },
    };
    expect(read(input)).toEqual({ url: 'checked' });
    expect(asked).toBe(1);
  });

  it('reads what a class or a prototype holds: nothing given is dropped', () => {
    class Settings {
      readonly #url = 'secret';
      mode = 'all';
      get url(): string {
        return this.#url;
      }
    }
    expect(read(new Settings())).toEqual({ url: 'secret', mode: 'all' });
    expect(read(Object.create({ url: 'inherited' }))).toEqual({ url: 'inherited' });
    expect(messageOf(Object.create({ url: 'u', vrify: true }))).toContain("'vrify'");
    expect(read(runInNewContext("({ url: 'of another realm' })"))).toBeDefined();
  });

  it('notices what nobody knows on a class, a prototype, a hidden property or a symbol', () => {
    class Misspelt {
      url = 'u';
      get waitMss(): number {
        return 5;
      }
    }
    class Inherits extends Misspelt {}
    class Method {
      url = 'u';
      onn(): void {}
    }
    expect(messageOf(new Misspelt())).toContain("unknown field 'waitMss': did you mean 'waitMs'?");
    expect(messageOf(new Inherits())).toContain("'waitMss'");
    expect(messageOf(new Method())).toContain("'onn': did you mean 'on'?");
    expect(messageOf(Object.create(new Misspelt()))).toContain("'waitMss'");
    expect(messageOf(Object.defineProperty({ url: 'u' }, 'hidden', { value: 1 }))).toContain(
      "'hidden'",
    );
    expect(messageOf({ url: 'u', [Symbol('hidden')]: 1 })).toContain("'Symbol(hidden)'");
    expect(messageOf({ url: 'u', [Symbol.for('mcp-tls.any')]: 1 })).toContain('mcp-tls.any');
    expect(messageOf({ url: 'u', inner: new Misspelt() })).toContain(
      "inner has an unknown field 'url'",
    );
    expect(messageOf({ url: 'u', constructor: 1 })).toContain("'constructor'");
    expect(messageOf(JSON.parse('{"url": "u", "__proto__": {}}'))).toContain("'__proto__'");
  });

  it('lets a class be one: its constructor, how it is shown, and methods of every object', () => {
    class Shown {
      url = 'u';
      get [Symbol.toStringTag](): string {
        return 'Object';
      }
      [Symbol.for('nodejs.util.inspect.custom')](): string {
        return 'Shown';
      }
      toString(): string {
        return 'Shown';
      }
      toJSON(): object {
        return {};
      }
    }
    expect(read(new Shown())).toEqual({ url: 'u' });
    expect(read(Object.assign(Object.create(null), { url: 'u' }))).toEqual({ url: 'u' });
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', 'a string'],
    [['list'], 'a list'],
    [new Map(), 'a Map'],
    [Promise.resolve({}), 'a Promise'],
    [new URL('https://a.example'), 'a URL'],
    [() => {}, 'a function'],
  ])('refuses %s for an options object, and says what it received', (input, what) => {
    expect(messageOf(input)).toBe(`make: options must be an object; received ${what}`);
  });
});

describe('an option that is undefined', () => {
  it('is as if left out where its default is safe', () => {
    expect(read({ url: 'u', waitMs: undefined, mode: undefined })).toEqual({ url: 'u' });
  });

  it('is refused where it would be a decision about trust', () => {
    expect(messageOf({ url: 'u', name: undefined })).toBe(
      'make: options.name is undefined: leave it out or set it; it must be a string',
    );
    expect(messageOf({ url: 'u', inner: { ca: undefined } })).toContain(
      'options.inner.ca is undef',
    );
  });

  it('is refused where it is needed, unset and left out alike', () => {
    expect(messageOf({ url: undefined })).toContain('options.url is undefined: set it');
    expect(messageOf({})).toBe('make: options.url is missing: it must be a URL');
  });
});

describe('an unknown field', () => {
  it.each([
    ['moed', "make: options has an unknown field 'moed': did you mean 'mode'?"],
    ['Mode', "did you mean 'mode'?"],
    ['wait', "did you mean 'waitMs'?"],
    ['depth', "has an unknown field 'depth': it belongs in inner"],
    ['verify', "has an unknown field 'verify': it is not switched off"],
    [
      'somethingElse',
      '(known: url, name, mode, waitMs, tries, loud, until, tags, on, signal, inner)',
    ],
    ['constructor', "unknown field 'constructor'"],
  ])('%s is refused, with where it belongs', (name, message) => {
    expect(messageOf({ url: 'u', [name]: 1 })).toContain(message);
  });

  it('of an inner object that belongs in the outer one is refused with that place', () => {
    expect(messageOf({ url: 'u', inner: { loud: true } })).toBe(
      "make: options.inner has an unknown field 'loud': it belongs in make: options",
    );
  });

  it('of any length is cut off in the message', () => {
    expect(messageOf({ url: 'u', ['x'.repeat(10_000)]: 1 }).length).toBeLessThan(300);
  });
});

describe('a value of the wrong kind', () => {
  it.each<[object, string]>([
    [
      { waitMs: -1 },
      'waitMs must be a number of milliseconds from 0 (no limit) to 2147483647; received -1',
    ],
    [{ waitMs: Number.NaN }, 'received NaN'],
    [{ waitMs: 2 ** 31 }, 'received 2147483648'],
    [{ waitMs: '5' }, 'received a string'],
    [{ tries: 1.5 }, 'tries must be a whole number from 1 to 5; received 1.5'],
    [{ tries: 6 }, 'received 6'],
    [{ loud: 'yes' }, 'loud must be true or false; received a string'],
    [{ mode: 'some' }, "mode must be one of 'none', 'all'; received a string"],
    [{ until: 'tomorrow' }, 'until must be a valid Date; received a string'],
    [{ until: new Date(Number.NaN) }, 'received an invalid Date'],
    [{ tags: 'a' }, 'tags must be a list, each item a non-empty string; received a string'],
    [{ tags: ['a', ''] }, 'tags[1] must be a non-empty string; received an empty string'],
    [{ tags: ['a', undefined] }, 'tags[1] must be a non-empty string; received undefined'],
    [{ on: {} }, 'on must be a function; received an object'],
    [{ signal: {} }, 'signal must be an AbortSignal; received an object'],
    [{ inner: 'x' }, 'options.inner must be an object; received a string'],
    [
      { inner: { depth: 10 } },
      'options.inner.depth must be a whole number from 0 to 9; received 10',
    ],
    [{ name: Buffer.from('secret') }, 'name must be a string; received bytes'],
  ])('%o is refused in one form: whose, what it must be, what it received', (options, message) => {
    expect(messageOf({ url: 'u', ...options })).toContain(message);
  });

  it('is not repeated: it may be a secret', () => {
    const secret = 'hunter2-hunter2';
    const values = [secret, [secret], { secret }, Buffer.from(secret), 20_261_126, Symbol(secret)];
    for (const name of ['name', 'mode', 'loud', 'tags', 'on', 'inner', 'until', 'url']) {
      for (const value of values) {
        const message = messageOf({ url: 'u', [name]: value });
        expect(message).not.toContain('hunter2');
        expect(message).not.toContain('20261126');
      }
    }
  });
});

describe('a signal', () => {
  const read = (value: unknown) => readOptions(OUTER, { url: 'x', signal: value as AbortSignal });

  it.each([
    ['frozen', Object.freeze(new AbortController().signal)],
    ['behind a Proxy', new Proxy(Object.freeze(new AbortController().signal), {})],
    ['ended', AbortSignal.abort()],
  ])('is one also where it is %s', (_, value) => {
    expect(read(value).signal).toBe(value);
  });

  it.each([
    [
      'of a library without throwIfAborted',
      { aborted: false, addEventListener() {}, removeEventListener() {} },
    ],
    ['that only inherits from the class', Object.create(AbortSignal.prototype)],
    ['that was revoked', revoked()],
  ])('is refused by name: one %s', (_, value) => {
    expect(() => read(value)).toThrow('signal must be an AbortSignal; received an object');
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable(new AbortController().signal, {});
  revoke();
  return proxy;
}

it('a declaration has to have every field of its interface, and no other (compiled, not run)', () => {
  const check = (): void => {
    // @ts-expect-error a field is missing
    declareOptions<Inner>('x', { depth: count(0) });
    // @ts-expect-error a field too many
    declareOptions<Inner>('x', { depth: count(0), ca: anyText(), more: flag() });
    // @ts-expect-error of another type
    declareOptions<Inner>('x', { depth: text(), ca: anyText() });
    // @ts-expect-error fewer values than the type has
    declareOptions<Pick<Outer, 'mode'>>('x', { mode: oneOf('none') });
    declareOptions<Inner>('x', { depth: passedOn('anything'), ca: custom('x', () => true) });
  };
  expect(check).toBeTypeOf('function');
});
