import { askOnce } from './ask-once.js';

/** Asks a URL once under a policy in JSON, and prints the status or the code: for other environments. */
const [url = '', policy = ''] = process.argv.slice(2);
process.stdout.write(`${await askOnce(url, JSON.parse(policy))}\n`);
