import { deriveIdentity, fromBase64Url } from '../../bundle/index.ts';
import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf } from '../../protocol/errors.ts';
import { keep } from './keep.ts';
import type { Task } from './start.ts';

/**
 * The process behind `coatcheck unlock`: takes a task on stdin (`Task`), says one line of JSON on stdout,
 * and keeps the key until it is locked, its time is over, or it is told to end.
 */
process.umask(0o077);
const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const task = JSON.parse(Buffer.concat(chunks).toString()) as Task;
for (const chunk of chunks) chunk.fill(0);
const say = (value: unknown): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.end(`${JSON.stringify(value)}\n`, () => {
      resolve();
    });
  });
try {
  const keeper = await keep({
    ...{ identity: deriveIdentity(fromBase64Url(task.seed)), site: fromBase64Url(task.site) },
    ...{ place: task.place, until: task.until },
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      keeper.lock();
    });
  }
  await say({ pid: process.pid });
  await keeper.ended;
  process.exit(0);
} catch (error) {
  const message = error instanceof CoatcheckError ? error.message : String(error);
  await say({ error: { code: codeOf(error), message } });
  process.exit(1);
}
