import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { rmSync, statfsSync, writeSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { MAX_MANIFEST_BYTES } from '../bundle/manifest.ts';
import { fail, hasCode } from '../protocol/errors.ts';
import { fileError } from '../files/errors.ts';
import { readLocalFile } from '../files/read.ts';
import { createFile } from '../files/write.ts';
import { beforeEnd, holdingSignals } from './interrupt.ts';
import { isReadNoMore } from './under-way.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What came of an edit. */
export interface Edited {
  readonly content: Uint8Array;
  /** Whether it was only ever in memory: a folder on a disk keeps what was written over, for who looks. */
  readonly inMemory: boolean;
}

/**
 * Has a person edit a file, in `$VISUAL` or `$EDITOR`, else `vi`: in a folder that only this user enters, in memory
 * where there is one. Whatever happens, the folder is written over and removed, with what the editor left in it.
 * @param path how it is called: the editor tells by the name what it is
 * @throws interrupted where a signal ended it; step_failed where the editor failed, or where the file is gone then
 */
export async function editFile(
  path: string,
  content: Uint8Array,
  env: Environment,
): Promise<Edited> {
  const { folder, inMemory } = await privateFolder(env);
  const wipe = (): void => wipeFolder(folder);
  const wiped = beforeEnd(wipe);
  try {
    const file = join(folder, basename(path));
    await createFile(file, content, 0o600);
    await runEditor(file, env, wipe);
    try {
      return { content: await readLocalFile(file, { maxBytes: MAX_MANIFEST_BYTES }), inMemory };
    } catch (error) {
      if (!hasCode(error, 'file_missing')) throw error;
      throw fail(
        'step_failed',
        'the editor left no file: nothing was changed (coatcheck rm takes one out)',
      );
    }
  } finally {
    wipe();
    wiped();
  }
}

const TMPFS = 0x0102_1994;
const RAMFS = 0x8584_58f6;

/** A new folder of this user: in memory where the system has such a place, else where temporary files are. */
async function privateFolder(env: Environment): Promise<{ folder: string; inMemory: boolean }> {
  const { XDG_RUNTIME_DIR: runtime } = env;
  for (const place of [...(runtime ? [runtime] : []), '/dev/shm']) {
    if (!isInMemory(place)) continue;
    try {
      return { folder: await mkdtemp(join(place, 'coatcheck-edit-')), inMemory: true };
    } catch {
      // Full, or of somebody else: the next.
    }
  }
  try {
    return { folder: await mkdtemp(join(tmpdir(), 'coatcheck-edit-')), inMemory: false };
  } catch (error) {
    throw fileError(error, tmpdir());
  }
}

function isInMemory(place: string): boolean {
  try {
    const type = statfsSync(place).type >>> 0;
    return type === TMPFS || type === RAMFS;
  } catch {
    return false;
  }
}

/** As git starts one: through the shell, so that it may have arguments. */
async function runEditor(file: string, env: Environment, wipe: () => void): Promise<void> {
  const editor = [env['VISUAL'], env['EDITOR']].find((text) => text?.trim()) ?? 'vi';
  // A result on stdout is none of the editor's.
  const out = process.stdout.isTTY && !isReadNoMore() ? 'inherit' : 2;
  // What is one command takes the shell's place: a signal to it then reaches the editor.
  const exec = /^[\w./+-]+(?: [\w./+:=-]+)*$/.test(editor.trim()) ? 'exec ' : '';
  const child = spawn('sh', ['-c', `${exec}${editor} "$@"`, 'sh', file], {
    env: { ...env },
    stdio: ['inherit', out, 'inherit'],
  });
  // On a terminal Ctrl-C reaches the editor as well, which knows what it means there.
  const release = holdingSignals((signal) => {
    if (signal === 'SIGTERM') child.kill('SIGTERM');
  });
  // The terminal is gone.
  const onHangUp = (): void => {
    child.kill('SIGHUP');
    wipe();
    process.exit(129);
  };
  process.once('SIGHUP', onHangUp);
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('error', () => resolve([127, null]));
    child.on('close', (code, ended) => resolve([code, ended]));
  });
  process.off('SIGHUP', onHangUp);
  const held = release();
  if (
    signal !== null ||
    held === 'SIGTERM' ||
    (status !== null && status > 128 && held !== undefined)
  ) {
    throw fail('interrupted', `interrupted (${signal ?? held}): nothing was changed`);
  }
  if (status === 0) return;
  const way = status === 127 ? ': is it installed? $VISUAL or $EDITOR names another' : '';
  throw fail(
    'step_failed',
    `the editor (${editor}) ended with ${status}, and nothing was changed${way}`,
  );
}

/** Writes over what is in a folder, and removes it. Synchronous: the process may end right after. */
function wipeFolder(folder: string): void {
  for (const name of namesIn(folder)) {
    try {
      // Never through a link, to what is elsewhere.
      const fd = openSync(join(folder, name), O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const is = fstatSync(fd);
        let left = is.isFile() ? is.size : 0;
        for (let at = 0; left > 0; at += CHUNK.length, left -= CHUNK.length) {
          writeSync(fd, CHUNK, 0, Math.min(left, CHUNK.length), at);
        }
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch {
      // A folder, or no right to write: it is removed all the same.
    }
  }
  rmSync(folder, { recursive: true, force: true });
}
const { O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
const CHUNK = new Uint8Array(64 * 1024);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
