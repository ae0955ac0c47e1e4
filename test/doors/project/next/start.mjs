// Starts the built application, asks its route, and writes down what it told.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const next = spawn(
  process.execPath,
  ['node_modules/next/dist/bin/next', 'start', '-p', process.env.DOOR_PORT, '-H', '127.0.0.1'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  await new Promise((resolve, reject) => {
    next.stdout.on('data', (text) => String(text).includes('Ready') && resolve());
    next.once('exit', (code) => reject(new Error(`next start ended with ${code}`)));
  });
  const answer = await fetch(`http://127.0.0.1:${process.env.DOOR_PORT}/door`);
  writeFileSync(process.env.DOOR_RESULT, await answer.text());
} finally {
  next.kill();
}
