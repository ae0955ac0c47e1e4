/** Whose code a function is, in the order of tables and legends. */
export const OWNERS = [
  'mcp-tls',
  'undici',
  'the SDK and zod',
  'Node.js: web streams',
  'Node.js: TLS, net, streams',
  'Node.js: the rest',
  'garbage collection',
  'native code and the kernel',
  'other packages',
  'the bench',
] as const;

export type Owner = (typeof OWNERS)[number];

/** The first that matches a function's file. */
const FILES: readonly (readonly [RegExp, Owner])[] = [
  // undici's parser, and the undici in Node.js.
  [/^wasm:|^node:internal\/deps\/undici|\/node_modules\/undici\//, 'undici'],
  [/\/node_modules\/mcp-tls\//, 'mcp-tls'],
  [/\/node_modules\/(@modelcontextprotocol|zod|eventsource-parser|ajv)\b/, 'the SDK and zod'],
  [/\/node_modules\//, 'other packages'],
  [/^node:internal\/(webstreams|encoding|worker\/js_transferable)/, 'Node.js: web streams'],
  [
    /^node:(_tls|_http|_stream|tls|net|https?|stream|internal\/(tls|net|streams?|stream_base|http|crypto|dtls|js_stream))/,
    'Node.js: TLS, net, streams',
  ],
  [/^node:/, 'Node.js: the rest'],
  [/./, 'the bench'],
];

/** @param url of the script; empty for what is no JavaScript */
export function ownerOf(name: string, url: string): Owner {
  if (name === '(garbage collector)') return 'garbage collection';
  // What V8 calls the program is whatever runs while no JavaScript is on the stack.
  if (url === '') return 'native code and the kernel';
  return FILES.find(([pattern]) => pattern.test(url))?.[1] ?? 'the bench';
}
