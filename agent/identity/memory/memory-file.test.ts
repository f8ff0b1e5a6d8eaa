import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeId } from '../../../bundle/identity.ts';
import { codeOf } from '../../../protocol/errors.ts';
import { fileMemory } from './memory-file.ts';
import type { DecisionMemory } from './memory.ts';
import { stateAt } from '../../tree/state-place.ts';

let folder: string;
beforeEach(() => {
  folder = join(fs.mkdtempSync(join(tmpdir(), 'agent-memory-')), 'state');
});
afterEach(() => {
  fs.rmSync(join(folder, '..'), { recursive: true });
});

const site = new Uint8Array(16).fill(7);
const of = (node: string): ReturnType<typeof fileMemory> =>
  fileMemory(stateAt(folder), site, node as NodeId);
const memory: DecisionMemory = {
  keysetVersion: 2,
  keysetDigest: new Uint8Array(32).fill(1),
  seq: 5,
  digest: new Uint8Array(32).fill(2),
  issued: 1_700_000_000,
};

describe('the memory against rollback', () => {
  it('is nothing, not zero, before anything was verified, and asking makes no file', () => {
    expect(of('a').load()).toBeUndefined();
    expect(fs.existsSync(folder)).toBe(false);
  });

  it('gives back what was saved, for each node apart, and only to its owner', () => {
    of('a').save(memory);
    of('b').save({ ...memory, seq: 9 });
    expect(of('a').load()).toEqual(memory);
    expect(of('b').load()).toEqual({ ...memory, seq: 9 });
    expect(fileMemory(stateAt(folder), new Uint8Array(16), 'a' as NodeId).load()).toBeUndefined();
    expect(fs.statSync(join(folder, 'memory.json')).mode & 0o7777).toBe(0o600);
    expect(fs.readdirSync(folder)).toEqual(['memory.json']);
  });

  it('never goes back: neither in seq, nor at the same seq to an older keyset', () => {
    of('a').save(memory);
    of('a').save({ ...memory, seq: 4, keysetVersion: 3 });
    of('a').save({ ...memory, keysetVersion: 1 });
    expect(of('a').load()).toEqual(memory);
    const newer = { ...memory, keysetVersion: 3 };
    of('a').save(newer);
    expect(of('a').load()).toEqual(newer);
  });

  it.each(['', '{', '[]', '{"coatcheck":"memory/1","nodes":{"x":{"seq":-1}}}'])(
    'is never taken for missing when it is damaged: %j',
    (text) => {
      of('a').save(memory);
      fs.writeFileSync(join(folder, 'memory.json'), text);
      for (const act of [() => of('a').load(), () => of('a').save(memory)]) {
        let thrown: unknown;
        try {
          act();
        } catch (error) {
          thrown = error;
        }
        expect(codeOf(thrown)).toBe('file_malformed');
      }
    },
  );
});
