import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { later } from '../../files/calls.ts';
import { acquiring, withLock } from '../../files/lock.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import type { ObjectKey } from '../../protocol/keys.ts';
import { createFilesystemStore, openFilesystemStore } from '../../store/filesystem.ts';

/** What runs in an emulated machine: a command is a line of JSON, and so is its answer, behind a `#`. */

const key = (text: string): ObjectKey => text as ObjectKey;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const locksOf = (folder: string): string => `${folder}/locks`;
const NO_LIMIT = { maxBytes: 1e6 };
const textOf = (object: { body: Uint8Array } | undefined): string | null =>
  object === undefined ? null : Buffer.from(object.body).toString();

const mounted = (): string | undefined =>
  /^\S+ \/mnt \S+ (\S+)/m.exec(fs.readFileSync('/proc/mounts', 'utf8'))?.[1];

/** Files that stay open until the machine ends. */
const open: number[] = [];

const COMMANDS = {
  /** Mounts the export at /mnt, instead of what is there. @returns as the system has it */
  mount({ options }: { options: string }) {
    COMMANDS.unmount();
    const all = `addr=10.77.0.1,${options}`;
    execFileSync('mount', ['-t', 'nfs4', '-o', all, '10.77.0.1:/store', '/mnt']);
    return mounted()!;
  },

  unmount() {
    if (mounted() !== undefined) execFileSync('umount', ['/mnt'], { stdio: 'ignore' });
  },

  async open({ folder }: { folder: string }) {
    await openFilesystemStore(folder, { create: true });
  },

  async get({ folder, name }: { folder: string; name: string }) {
    return textOf(await createFilesystemStore(folder).get(key(name), NO_LIMIT));
  },

  async list({ folder, prefix }: { folder: string; prefix: string }) {
    const { objects } = await createFilesystemStore(folder).list(prefix);
    return objects.map((object) => object.key);
  },

  async create({ folder, name, body }: { folder: string; name: string; body: string }) {
    await createFilesystemStore(folder).create(key(name), bytes(body));
  },

  async replace({ folder, name, body }: { folder: string; name: string; body: string }) {
    const store = createFilesystemStore(folder);
    const { etag } = (await store.get(key(name), NO_LIMIT))!;
    await store.replace(key(name), bytes(body), etag);
  },

  async delete({ folder, name }: { folder: string; name: string }) {
    await createFilesystemStore(folder).delete(key(name));
  },

  /** Creates each of some keys `times` times at once. @returns those that it was told are its own */
  async createAtOnce({ folder, names, times }: { folder: string; names: string[]; times: number }) {
    const store = createFilesystemStore(folder);
    const tries = names.flatMap((name) =>
      Array.from({ length: times }, async (_, n) => {
        try {
          const body = `${n} ${process.pid} ${fs.readFileSync('/proc/sys/kernel/hostname', 'utf8')}`;
          await store.create(key(name), bytes(body));
          return [name];
        } catch (error) {
          if (hasCode(error, 'already_exists')) return [];
          throw error;
        }
      }),
    );
    return (await Promise.all(tries)).flat();
  },

  /** Counts an object up by one, so often, where nobody else has meanwhile. @returns how often that was tried */
  async countUp({ folder, name, times }: { folder: string; name: string; times: number }) {
    const store = createFilesystemStore(folder);
    let tries = 0;
    for (let done = 0; done < times;) {
      tries++;
      const before = (await store.get(key(name), NO_LIMIT))!;
      try {
        await store.replace(key(name), bytes(String(Number(textOf(before)) + 1)), before.etag);
        done++;
      } catch (error) {
        if (!hasCode(error, 'precondition_failed')) throw error;
      }
    }
    return tries;
  },

  /** Holds a lock, so often. @returns how often somebody else held it as well, and how often it was not given */
  async lockAtOnce({ folder, times }: { folder: string; times: number }) {
    let [both, refused] = [0, 0];
    for (let done = 0; done < times; done++) {
      try {
        await withLock({ folder: locksOf(folder), label: 'one', anchored: true }, async () => {
          try {
            fs.mkdirSync(`${folder}/inside`);
          } catch {
            both++;
            return;
          }
          await sleep(1);
          fs.rmdirSync(`${folder}/inside`);
        });
      } catch (error) {
        if (!hasCode(error, 'in_use')) throw error;
        refused++;
      }
    }
    return { both, refused };
  },

  /** Takes the lock of a key, and keeps it. */
  async keepLock({ folder, label }: { folder: string; label: string }) {
    await later(acquiring({ folder: locksOf(folder), label, anchored: true }));
  },

  /** Opens a file, and keeps it open. */
  keepOpen({ path }: { path: string }) {
    open.push(fs.openSync(path, 'r'));
  },

  /** Reads an object while another part of this replaces it. @returns how often it was not there */
  async readWhileReplaced({
    folder,
    name,
    times,
  }: {
    folder: string;
    name: string;
    times: number;
  }) {
    const store = createFilesystemStore(folder);
    let [missing, reads, over] = [0, 0, false];
    const reading = Array.from({ length: 3 }, async () => {
      while (!over) {
        reads++;
        if ((await store.get(key(name), NO_LIMIT)) === undefined) missing++;
      }
    });
    for (let n = 0; n < times; n++) {
      const { etag } = (await store.get(key(name), NO_LIMIT)) ?? { etag: '' };
      await store
        .replace(key(name), bytes(`${n} ${'x'.repeat(5000)}`), etag)
        .catch((error: unknown) => {
          if (!hasCode(error, 'precondition_failed')) throw error;
          n--;
        });
    }
    over = true;
    await Promise.all(reading);
    return { missing, reads };
  },

  /** Creates objects one after another. @returns those that were acknowledged, and what else was said */
  async createMany({ folder, prefix, count }: { folder: string; prefix: string; count: number }) {
    const store = createFilesystemStore(folder);
    const said: string[] = [];
    for (let n = 0; n < count; n++) {
      const done = store.create(key(`${prefix}/${n}`), bytes(`${n}`));
      said.push(
        await done.then(
          () => 'created',
          (error: unknown) => codeOf(error),
        ),
      );
    }
    return said;
  },

  /** Runs `coatcheck` to its end, or until it says on stdout that it serves: then it goes on. */
  coatcheck({ args }: { args: string[] }) {
    const child = spawn(process.execPath, ['/coatcheck/coatcheck.mjs', ...args], {
      env: { HOME: '/tmp', PATH: '/bin' },
    });
    let said = '';
    return new Promise((resolve) => {
      const onText = (text: Buffer): void => {
        said += text.toString();
        if (args.includes('serve') && /https?:\/\//.test(said)) resolve({ pid: child.pid, said });
      };
      child.stdout.on('data', onText);
      child.stderr.on('data', onText);
      child.on('close', (code) => resolve({ code, said }));
    });
  },

  async signal({ pid, signal }: { pid: number; signal: NodeJS.Signals }) {
    process.kill(pid, signal);
    while (fs.existsSync(`/proc/${pid}`)) await sleep(20);
  },
};

export type Commands = typeof COMMANDS;

createInterface({ input: process.stdin }).on('line', (line) => {
  const { command, args } = JSON.parse(line) as { command: keyof Commands; args: never };
  void (async () => {
    let answer: object;
    try {
      answer = { gives: (await COMMANDS[command](args)) ?? null };
    } catch (error) {
      answer = { code: codeOf(error), message: (error as Error).message };
    }
    process.stdout.write(`#${JSON.stringify(answer)}\n`);
  })();
});
process.stdout.write('#"ready"\n');
