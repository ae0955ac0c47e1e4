import type { ConnectionErrorCode, StoreErrorCode } from '../src/errors/codes.js';
import { StoreError } from '../src/errors/store-error.js';
import { TlsConnectionError } from '../src/errors/tls-connection-error.js';
import { CONFIG_WORDS } from '../src/errors/words/config-words.js';
import { CONNECTION_WORDS } from '../src/errors/words/connection-words.js';
import { APPROVAL_WORDS, REGISTRY_WORDS } from '../src/errors/words/registry-words.js';
import { STORE_WORDS } from '../src/errors/words/store-words.js';
import { TRUST_WORDS } from '../src/errors/words/trust-words.js';
import type { Words } from '../src/errors/words/words.js';

/** Where the tables stand in docs/errors.md. */
const BEGIN = '<!-- tables: npm run docs:errors -->';
const END = '<!-- end of the tables -->';

interface Flags {
  readonly refused: boolean;
  readonly retryable: boolean;
}

interface Section {
  readonly name: string;
  readonly about: string;
  readonly words: Readonly<Record<string, Words>>;
  /** What an error with the code says of itself. */
  readonly flags: (code: string) => Flags;
}

const of = (refused: boolean) => () => ({ refused, retryable: false });

const SECTIONS: readonly Section[] = [
  {
    name: 'TlsTrustError',
    about:
      'The server answered and is not to be trusted, or what was asked for would have left its trust. No byte of the request went there. A person has to look.',
    words: TRUST_WORDS,
    flags: of(true),
  },
  {
    name: 'TlsConnectionError',
    about:
      'There is no usable connection: the network, the proxy, the software of the server, or our own client certificate.',
    words: CONNECTION_WORDS,
    flags: (code) => new TlsConnectionError(code as ConnectionErrorCode, '', { host: '', port: 0 }),
  },
  {
    name: 'ApprovalRequiredError',
    about: 'Nothing was stored; `peer` (and `current`) are for the person who decides.',
    words: APPROVAL_WORDS,
    flags: of(true),
  },
  {
    name: 'TlsConfigError',
    about: 'A mistake of the caller, or something that this installation cannot do.',
    words: CONFIG_WORDS,
    flags: of(false),
  },
  {
    name: 'RegistryError',
    about: 'What was asked of a registry was not done.',
    words: REGISTRY_WORDS,
    flags: of(false),
  },
  {
    name: 'StoreError',
    about:
      'A record could not be read or written. None of them ever means that there is no such record.',
    words: STORE_WORDS,
    flags: (code) => new StoreError(code as StoreErrorCode, ''),
  },
];

/** `text`, the document, with its tables made from the words in `src/errors/`. */
export function writeErrorTables(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`no ${BEGIN} ... ${END}`);
  const tables = SECTIONS.map(tableOf).join('\n\n');
  return `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`;
}

function tableOf({ name, about, words, flags }: Section): string {
  const rows = Object.entries(words).map(([code, { meaning, hint }]) => {
    const { refused, retryable } = flags(code);
    const flag = refused ? 'refused' : retryable ? 'retryable' : '';
    return `| \`${code}\` | ${cell(meaning)} | ${cell(hint)} | ${flag} |`;
  });
  const head = `| Code | Meaning | What to do | |\n|---|---|---|---|`;
  return `### ${name}\n\n${about}\n\n${head}\n${rows.join('\n')}`;
}

const cell = (text: string) => text.replaceAll('|', '\\|');
