import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A system call that changes files, or an answer that was given and promises something. */
export interface DiskEvent {
  readonly call: string;
  /** What it is about; of a link or a rename, the new name. */
  readonly path: string;
  /** Of a link or a rename, the old name. */
  readonly from?: string;
  readonly succeeded: boolean;
}

const ANSWER = 'answer';
const LINE = /^(?<time>\d+\.\d+) (?<call>\w+)\((?<args>.*)\)\s+= (?<result>-?\d+)/;
const PATHS = /"((?:[^"\\]|\\.)*)"|\d+<([^>]*)>/g;
/** By the names that faults.c gives them: variants of a call are one. */
const CALLS: Record<string, string> = {
  ...{ open: 'open', openat: 'open', creat: 'open', write: 'write', pwrite64: 'write' },
  ...{ writev: 'write', fsync: 'fsync', fdatasync: 'fdatasync', ftruncate: 'ftruncate' },
  ...{ fchmod: 'fchmod', chmod: 'chmod', fchmodat: 'chmod', link: 'link', linkat: 'link' },
  ...{ symlink: 'symlink', symlinkat: 'symlink', rename: 'rename', renameat: 'rename' },
  ...{ renameat2: 'rename', unlink: 'unlink', unlinkat: 'unlink', mkdir: 'mkdir' },
  ...{ mkdirat: 'mkdir', rmdir: 'rmdir', truncate: 'truncate', utimensat: 'utimensat' },
};

/**
 * What strace wrote about a process: the calls that change something below `folder`, and its
 * answers, in the order in which they began.
 *
 * @param log the prefix of the logs of its threads
 */
export function readStrace(log: string, folder: string): DiskEvent[] {
  const logs = fs.readdirSync(dirname(log)).filter((name) => name.startsWith(`${basename(log)}.`));
  const events: { time: number; event: DiskEvent }[] = [];
  for (const name of logs) {
    for (const line of fs.readFileSync(join(dirname(log), name), 'utf8').split('\n')) {
      const { time, call, args, result } = LINE.exec(line)?.groups ?? {};
      if (args === undefined) continue;
      const event = eventOf(call!, args, Number(result) >= 0);
      const ours = event?.call === ANSWER || event?.path.startsWith(folder);
      if (event && ours) events.push({ time: Number(time), event });
    }
  }
  return events.sort((a, b) => a.time - b.time).map(({ event }) => event);
}

function eventOf(name: string, args: string, succeeded: boolean): DiskEvent | undefined {
  const call = CALLS[name];
  if (call === undefined) return undefined;
  if (call === 'open' && name !== 'creat' && !/O_CREAT|O_TRUNC/.test(args)) return undefined;
  if (call === 'write' && args.startsWith('1<')) {
    // An error of the store promises nothing.
    const isPromise = !/store_|ServiceUnavailable/.test(args);
    return isPromise ? { call: ANSWER, path: '', succeeded } : undefined;
  }
  const paths = [...args.matchAll(PATHS)].map(
    ([, quoted, ofDescriptor]) => quoted ?? ofDescriptor!,
  );
  if (call === 'link' || call === 'rename') {
    const [from, path] = paths.filter((path) => path.startsWith('/')) as [string, string];
    return { call, path, from, succeeded };
  }
  const path = name.startsWith('f') || call === 'write' ? paths[0]! : paths.at(-1)!;
  return { call, path, succeeded };
}

/**
 * What a power cut could take although it was answered: POSIX promises a file's bytes only after an
 * fsync of the file, and its name only after an fsync of the folder.
 *
 * @param isScratch paths that may be lost
 * @returns one line for each event that comes too early; none if all is well
 */
export function tooEarly(
  events: readonly DiskEvent[],
  isScratch: (path: string) => boolean,
): string[] {
  const found: string[] = [];
  /** Which file a name stands for: a link makes two names of one. */
  const files = new Map<string, object>();
  const unsyncedBytes = new Set<object>();
  const unsyncedNames = new Map<string, Set<string>>();

  const rename = (path: string, file: object | undefined): void => {
    if (file) files.set(path, file);
    else files.delete(path);
    if (isScratch(path)) return;
    const folder = dirname(path);
    unsyncedNames.set(folder, (unsyncedNames.get(folder) ?? new Set()).add(path));
  };
  for (const { call, path, from, succeeded } of events) {
    if (!succeeded) continue;
    const file = files.get(path);
    switch (call) {
      case 'open':
        if (!file) rename(path, {});
        break;
      case 'write':
      case 'ftruncate':
        if (file) unsyncedBytes.add(file);
        break;
      case 'fsync':
      case 'fdatasync':
        if (file) unsyncedBytes.delete(file);
        unsyncedNames.delete(path);
        break;
      case 'mkdir':
      case 'symlink':
        rename(path, {});
        break;
      case 'link':
      case 'rename': {
        const source = files.get(from!);
        if (source && unsyncedBytes.has(source)) found.push(`${call} ${path}: bytes not synced`);
        rename(path, source);
        if (call === 'rename') rename(from!, undefined);
        break;
      }
      case 'unlink':
        rename(path, undefined);
        break;
      case 'rmdir':
        // An empty folder that is back after a power cut is none.
        files.delete(path);
        break;
      case ANSWER:
        for (const names of unsyncedNames.values()) {
          for (const name of names) found.push(`answer: the name ${name} is not synced`);
        }
    }
  }
  return found;
}
