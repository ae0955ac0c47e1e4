/**
 * Runs faults against one operation in a process of its own, which an unhandled rejection ends, and
 * prints each cell as a line of JSON.
 *
 *   node member.mjs OPERATION FAULT...   (compiled by main.ts)
 */
import { FAULTS } from './faults.js';
import { OPERATIONS } from './operations.js';
import { runCell } from './run-cell.js';

const [name, ...names] = process.argv.slice(2);
const operation = OPERATIONS.find((one) => one.name === name);
if (operation === undefined) throw new Error(`no operation ${name}`);
for (const fault of FAULTS.filter((one) => names.includes(one.name))) {
  console.log(JSON.stringify(await runCell(fault, operation)));
}
// What is left behind keeps this process alive: that is noticed by whoever started it.
