const LINE = /-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----/g;

/**
 * The text without the blocks of private keys, and without the parameters that `openssl ecparam -genkey` writes
 * beside them. A block that is not closed by its own END line, before anything else begins, is left where it is.
 *
 * One pass over the text: what a block may hold is not searched again for each place at which one may begin.
 */
export function withoutPrivateKeys(text: string): string {
  const kept: string[] = [];
  let from = 0;
  let open: { readonly at: number; readonly label: string } | undefined;
  for (const { 0: line, 1: edge, 2: label = '', index } of text.matchAll(LINE)) {
    if (edge === 'BEGIN') {
      open = isOfKey(label) ? { at: index, label } : undefined;
      continue;
    }
    if (open?.label === label) {
      kept.push(text.slice(from, open.at));
      from = index + line.length;
    }
    open = undefined;
  }
  return from === 0 ? text : [...kept, text.slice(from)].join('');
}

function isOfKey(label: string): boolean {
  return label === 'EC PARAMETERS' || label === 'PRIVATE KEY' || label.endsWith(' PRIVATE KEY');
}
