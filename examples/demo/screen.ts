/** The demo's output: chapters, aligned rows, and checks that decide on the exit code. */

const LABEL_WIDTH = 16;
const colours = process.env['NO_COLOR'] === undefined && process.stdout.isTTY;

let chapters = 0;
let failures = 0;

const paint = (code: number) => (text: string) =>
  colours ? `\u001b[${code}m${text}\u001b[0m` : text;
const bold = paint(1);
const dim = paint(2);

export const good: (text: string) => string = paint(32);
export const bad: (text: string) => string = paint(33);

export function chapter(title: string): void {
  chapters += 1;
  console.log(`\n${bold(`${chapters}  ${title}`)}`);
}

/** One labelled line; a long value goes on below its beginning, broken between words. */
export function row(label: string, value: string): void {
  const width = Math.max(40, (process.stdout.columns ?? 110) - LABEL_WIDTH - 3);
  const lines = value.match(new RegExp(`\\S{${width},}|.{1,${width}}(?:\\s|$)`, 'g')) ?? [''];
  for (const [i, line] of lines.entries()) {
    console.log(`   ${dim((i === 0 ? label : '').padEnd(LABEL_WIDTH))}${line}`);
  }
}

/** Lines of "label  value" that somebody else aligned. */
export function block(text: string): void {
  for (const line of text.split('\n')) {
    const [label = '', value = ''] = line.split(/ {2,}(.*)/s);
    row(label, value);
  }
}

export function note(text: string): void {
  console.log(`   ${dim(text)}`);
}

/** States an outcome. One that is not as it should be makes the exit code 1. */
export function check(ok: boolean, statement: string): void {
  if (!ok) failures += 1;
  console.log(`   ${ok ? good('\u2713') : paint(31)('\u2717')} ${statement}`);
}

export function finish(): void {
  const verdict = failures === 0 ? good('All as it should be.') : paint(31)(`${failures} failed.`);
  console.log(`\n${verdict}\n`);
  process.exitCode = failures === 0 ? 0 : 1;
}
