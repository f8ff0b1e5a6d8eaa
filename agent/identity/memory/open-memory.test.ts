import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NodeId } from '../../../bundle/identity.ts';
import { stateBelow, stateOfThisBoot } from '../../tree/state-place.ts';
import type { DecisionMemory } from './memory.ts';
import { openMemory, tellBlank, tellMemory } from './open-memory.ts';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'agent-memory-'));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true });
});

const owner = { site: new Uint8Array(16).fill(7), node: 'a'.repeat(32) as NodeId };
const memory: DecisionMemory = {
  ...{ keysetVersion: 2, keysetDigest: new Uint8Array(32).fill(1) },
  ...{ seq: 5, digest: new Uint8Array(32).fill(2), issued: 1_790_000_000 },
};

it('a file remembers as long as the root does, and says what it remembered when it was opened', () => {
  const first = openMemory('file', stateBelow(root), owner);
  expect([first.before, tellMemory(first)]).toEqual([undefined, 'file, nothing was remembered']);
  first.save(memory);
  expect(first.load()).toEqual(memory);
  expect(first.before).toBeUndefined();
  const second = openMemory('file', stateBelow(root), owner);
  expect([second.before, tellMemory(second)]).toEqual([memory, 'file, decision 5 was remembered']);
});

it('none remembers for the processes of this boot, in what a boot empties', () => {
  openMemory('none', stateOfThisBoot(root), owner).save(memory);
  expect(openMemory('none', stateOfThisBoot(root), owner).load()).toEqual(memory);
  expect(fs.readdirSync(root)).toEqual(['run']);
  fs.rmSync(join(root, 'run'), { recursive: true });
  expect(openMemory('none', stateOfThisBoot(root), owner).load()).toBeUndefined();
});

it('only what should outlive the power is missed when it holds nothing', () => {
  for (const kind of ['tpm', 'efi', 'stick'] as const) {
    const opened = { kind, load: () => undefined, save: () => undefined };
    expect(tellBlank({ ...opened, before: undefined })).toContain(`(${kind}) holds nothing`);
    expect(tellBlank({ ...opened, before: memory })).toBeUndefined();
  }
  expect(tellBlank(openMemory('file', stateBelow(root), owner))).toBeUndefined();
});
