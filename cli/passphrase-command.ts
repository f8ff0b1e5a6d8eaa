import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { concat } from '../bundle/bytes.ts';
import { textIn } from '../files/text.ts';
import { fail } from '../protocol/errors.ts';
import { beforeEnd } from './interrupt.ts';

/** Of a first line; of what follows it nothing is kept. */
const MAX_LINE_BYTES = 1024;
/** A person may have to find a token, and touch it. */
const LIMIT_SECONDS = 120;

/**
 * The first line that a command of the administrator's says, without its end (`--passphrase-command`).
 * The shell runs it as it was given, and nothing of ours is put into it; stdin and stderr are those of
 * this process, so that it can ask (docs/adr/0252).
 * @param limitSeconds after which it is ended
 * @throws step_failed for one that fails, says nothing, has too long a line, or does not end;
 *   file_malformed for what is not UTF-8
 */
export async function firstLineOf(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
  limitSeconds = LIMIT_SECONDS,
): Promise<string> {
  const child = spawn('sh', ['-c', command], { env, stdio: ['inherit', 'pipe', 'inherit'] });
  const isOver = beforeEnd(() => void child.kill());
  let timer: NodeJS.Timeout | undefined;
  try {
    const status = new Promise<string>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        resolve(code === 0 ? '' : code === null ? `was ended by ${signal}` : `ended with ${code}`);
      });
    });
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(broken(`did not end within ${limitSeconds} seconds`));
      }, limitSeconds * 1000);
    });
    const both = Promise.all([status, firstLine(child.stdout)]);
    const [failure, line] = await Promise.race([both, tooLong]);
    if (failure !== '') throw broken(failure);
    const text = textIn(line, 'what --passphrase-command says').replace(/\r$/, '');
    if (text === '') throw broken('has nothing on its first line');
    return text;
  } finally {
    clearTimeout(timer);
    isOver();
    child.stdout.destroy();
    child.kill();
  }
}

const broken = (what: string): Error =>
  fail('step_failed', `--passphrase-command ${what}: the key was not opened`);

/**
 * What comes before the first line feed or the end. The rest is read, so that nothing breaks for whoever
 * writes it, and let go.
 */
function firstLine(stdout: Readable): Promise<Uint8Array> {
  const LINE_FEED = 0x0a;
  return new Promise((resolve, reject) => {
    let line: Uint8Array | undefined = new Uint8Array();
    stdout.on('data', (chunk: Uint8Array) => {
      if (line === undefined) return;
      const end = chunk.indexOf(LINE_FEED);
      line = concat(line, end < 0 ? chunk : chunk.subarray(0, end));
      if (line.length > MAX_LINE_BYTES) {
        reject(broken(`has more than ${MAX_LINE_BYTES} bytes on its first line`));
      } else if (end >= 0) resolve(line);
      else return;
      line = undefined;
    });
    stdout.on('error', reject);
    stdout.on('end', () => {
      resolve(line ?? new Uint8Array());
    });
  });
}
