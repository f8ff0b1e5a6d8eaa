// @module-tag long
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { approvedKey, historyKey, keysetKey, reportKey } from '../../protocol/keys.ts';
import { describeWith } from '../support/components.ts';
import type { Answer, Call } from './calls.ts';
import { ID, LARGE, leaveStaged, leftovers, small } from './life.ts';
import { after, contentsOf, etagOf, must } from './model.ts';
import type { Contents } from './model.ts';
import { buildTools } from './store-under-fault.ts';
import type { Fault, StoreUnderFault, Tools } from './store-under-fault.ts';

const KEPT = keysetKey(1);
const KEY = historyKey(ID, 1);
const there: Call = { do: 'create', key: KEY, ...small('there') };
const etag = etagOf(small('there'));

/** Each operation, and what it finds. */
const OPERATIONS: Readonly<Record<string, { before: readonly Call[]; call: Call }>> = {
  create: { before: [], call: { do: 'create', key: KEY, ...LARGE } },
  replace: { before: [there], call: { do: 'replace', key: KEY, ...LARGE, etag } },
  delete: { before: [there], call: { do: 'delete', key: KEY } },
  'delete of nothing': { before: [], call: { do: 'delete', key: approvedKey(ID) } },
  upload: { before: [], call: { do: 'upload', key: reportKey(ID), ...small('up') } },
  'upload over another': {
    before: [{ do: 'create', key: reportKey(ID), ...small('there') }],
    call: { do: 'upload', key: reportKey(ID), ...small('up'), overwrite: true },
  },
  get: { before: [there], call: { do: 'get', key: KEY } },
  head: { before: [there], call: { do: 'head', key: KEY } },
  list: { before: [there], call: { do: 'list', prefix: '' } },
  secrets: { before: [], call: { do: 'secrets' } },
  open: { before: [there], call: { do: 'open', create: true } },
};

/** What the port says of each error, and what S3 says to whoever uploads. */
const CODES: Partial<Record<NonNullable<Fault['errno']>, readonly string[]>> = {
  EIO: ['store_unavailable', 'ServiceUnavailable'],
  EMFILE: ['store_unavailable', 'ServiceUnavailable'],
  ENOSPC: ['store_full', 'InsufficientStorage'],
  EDQUOT: ['store_full', 'InsufficientStorage'],
  EROFS: ['store_denied', 'AccessDenied'],
  EACCES: ['store_denied', 'AccessDenied'],
};
const UNKNOWN = ['store_unknown', 'ServiceUnavailable'];

let tools: Tools;
let folder: string;
let store: StoreUnderFault;

/** As it is before an operation: the folders of its objects are still to be made. */
async function prepare(before: readonly Call[]): Promise<Contents> {
  for (const prefix of ['history', 'reports', 'approved']) {
    fs.rmSync(join(folder, 'objects', prefix), { recursive: true, force: true });
  }
  fs.rmSync(join(folder, 'secrets.json'), { force: true });
  let contents = after(new Map(), { do: 'create', key: KEPT, ...LARGE });
  for (const call of before) {
    must(await store.ask(call));
    contents = after(contents, call);
  }
  await leaveStaged(folder); // for an `open` to sweep
  return contents;
}

/** The system calls of an operation that nothing disturbs. */
async function callsOf({ before, call }: { before: readonly Call[]; call: Call }) {
  await prepare(before);
  store.plan();
  must(await store.ask(call));
  return store.calls();
}

/** Has the fault happen in the midst of an operation, and ends it. */
async function disturb(call: Call, fault: Fault, mend: () => void): Promise<Answer> {
  store.plan(fault);
  const answer = await store.ask(call);
  store.plan();
  mend();
  if (answer === undefined) throw new Error('the store died');
  return answer;
}

/** The answer is true, nothing else is lost, and everything works again. */
async function expectTrue(before: Contents, call: Call, answer: Answer): Promise<void> {
  const found = await contentsOf(store);
  const done = after(before, call);
  if (answer.error === undefined) expect(found).toEqual(done);
  else if (!UNKNOWN.includes(answer.error)) expect(found).toEqual(before);
  else expect([before, done]).toContainEqual(found);

  if (answer.error === undefined && (call.do === 'get' || call.do === 'head')) {
    expect(answer.etag).toBe(before.get(call.key));
  }
  if (answer.error === undefined && call.do === 'list') {
    expect(answer.keys).toEqual([...before.keys()].sort());
  }
  for (const [key, etag] of found) {
    if (key === KEPT) continue;
    must(await store.ask({ do: 'replace', key: key as never, ...small('next'), etag }));
    must(await store.ask({ do: 'delete', key: key as never }));
  }
  must(await store.ask(there));
}

describeWith('strace', 'a filesystem store on a disk that fails', () => {
  beforeAll(async () => {
    tools = await buildTools();
  });
  afterAll(() => tools.remove());
  beforeEach(async (context) => {
    folder = join(tools.folder, context.task.id, 'store');
    store = tools.start(folder, { reads: true });
    must(await store.ask({ do: 'open', create: true }));
    must(await store.ask({ do: 'create', key: KEPT, ...LARGE }));
  });
  afterEach(() => store.end());

  it.each(Object.entries(OPERATIONS))('%s: is right about every call', async (_, operation) => {
    const calls = await callsOf(operation);
    const { call } = operation;
    const seen = new Set<string>();
    for (const errno of Object.keys(CODES) as (keyof typeof CODES)[]) {
      for (let at = 1; at <= calls.length; at++) {
        for (const lasts of [false, true]) {
          const where = `${errno} ${lasts ? 'from' : 'at'} ${at}: ${calls[at - 1]}`;
          const before = await prepare(operation.before);
          const fault = { action: 'fail', at, lasts, errno } as const;
          const answer = await disturb(call, fault, () => undefined);
          await expectTrue(before, call, answer).catch(naming(`${where}: ${said(answer)}`));
          if (answer.error === undefined) continue;
          seen.add(answer.error);
          expect([...CODES[errno]!, ...UNKNOWN], where).toContain(answer.error);
          if (call.do === 'upload') continue;
          // What, where, what to do, and what the system said.
          expect(answer.message, where).toMatch(
            /^[a-z ]+ \S*store[^:]*: .* \(E[A-Z]+, \w+\)|\(E.*: look again$/,
          );
          expect(answer.message, where).toContain(folder);
          expect(answer.message, where).toContain(errno);
        }
      }
    }
    expect(seen.size).toBeGreaterThan(2);
    must(await store.ask({ do: 'open', create: false }));
    expect(leftovers(folder)).toEqual([]);
  });

  it.each(Object.entries(OPERATIONS))('%s: misses no folder unsaid', async (_, operation) => {
    const calls = await callsOf(operation);
    const { call } = operation;
    const seen = new Set<string>();
    for (const name of ['', 'objects', 'staging', 'locks']) {
      for (let at = 1; at <= calls.length; at++) {
        const gone = join(folder, name);
        const before = await prepare(operation.before);
        const answer = await disturb(call, { action: 'hide', at, folder: gone }, () => {
          fs.rmSync(gone, { recursive: true, force: true }); // an `open` made it anew
          fs.renameSync(`${gone}.away`, gone);
        });
        const where = `${name || 'the store'} gone at ${at}: ${calls[at - 1]}: ${said(answer)}`;
        await expectTrue(before, call, answer).catch(naming(where));
        if (answer.error !== undefined) seen.add(answer.error);
      }
    }
    expect(seen.size).toBeGreaterThan(0);
  });
});

const said = ({ error, message }: Answer): string => `${error ?? 'done'}: ${message ?? ''}`;

function naming(where: string) {
  return (error: unknown): never => {
    throw new Error(`${where}\n${(error as Error).message}`, { cause: error });
  };
}
