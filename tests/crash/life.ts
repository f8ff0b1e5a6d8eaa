import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  approvedKey,
  historyKey,
  parseDigest,
  parseNodeId,
  pendingKey,
  reportKey,
} from '../../protocol/keys.ts';
import { ownName } from '../../files/own-name.ts';
import type { Call } from './calls.ts';
import { after, etagOf, must } from './model.ts';
import type { Contents } from './model.ts';
import type { StartOptions, Tools } from './store-under-fault.ts';

export const ID = parseNodeId('a'.repeat(32));
export const APPROVED = approvedKey(ID);
const PENDING = pendingKey(ID, parseDigest('0'.repeat(64)));
export const small = (text: string): { text: string; size: number } => ({ text, size: 100 });
/** More than a pipe, or a block, holds. */
export const LARGE = { text: 'large', size: 600_000 };

/** One of each thing that a store does, each the first in its folder and the second. */
export const LIFE: readonly Call[] = [
  { do: 'open', create: true },
  { do: 'secrets' },
  { do: 'create', key: APPROVED, ...small('one') },
  { do: 'create', key: historyKey(ID, 1), ...LARGE },
  { do: 'create', key: historyKey(ID, 2), ...small('two') },
  { do: 'replace', key: APPROVED, ...LARGE, etag: etagOf(small('one')) },
  { do: 'upload', key: PENDING, ...small('proposal') },
  { do: 'upload', key: reportKey(ID), ...small('first'), overwrite: true },
  { do: 'upload', key: reportKey(ID), ...LARGE, overwrite: true },
  { do: 'delete', key: PENDING },
  { do: 'delete', key: APPROVED },
  { do: 'open', create: false },
];

/** How far a store came. */
export interface Lived {
  /** What was acknowledged. */
  readonly acknowledged: Contents;
  /** The call that was not answered; undefined if all were. */
  readonly underWay: Call | undefined;
  /** The system calls that were counted, the last one the deadly one. */
  readonly calls: readonly string[];
  /** The number of the first system call of each operation. */
  readonly starts: readonly number[];
}

/** Lets a store live until it has done all, or the fault kills it. @param before what it holds */
export async function live(
  tools: Tools,
  folder: string,
  options: StartOptions,
  life: readonly Call[] = LIFE,
  before: Contents = new Map(),
): Promise<Lived> {
  const store = tools.start(folder, options);
  let acknowledged = before;
  let underWay: Call | undefined;
  const starts: number[] = [];
  for (const call of life) {
    starts.push(store.calls().length + 1);
    const answer = await store.ask(call);
    if (answer === undefined) {
      underWay = call;
      break;
    }
    must(answer);
    acknowledged = after(acknowledged, call);
  }
  const calls = store.calls();
  await store.end();
  return { acknowledged, underWay, calls, starts };
}

/** What is in a store's folder besides its objects, and should not be. */
export function leftovers(folder: string): string[] {
  const ours = ['objects', 'staging', 'locks', 'locks/anchor', 'secrets.json'];
  const files = ['.', 'staging', 'locks'].flatMap((name) =>
    readdirSync(join(folder, name)).map((file) => join(name, file)),
  );
  return files.filter((name) => !ours.includes(name));
}

/** Leaves a file in `staging`, as a process does that was killed since the machine started. */
export async function leaveStaged(folder: string): Promise<void> {
  const [label, token, , ...rest] = ownName('staged').split('.');
  const pid = 2 ** 22 + 1; // Linux has none above 2^22.
  writeFileSync(join(folder, 'staging', [label, token, pid, ...rest].join('.')), 'half');
}
