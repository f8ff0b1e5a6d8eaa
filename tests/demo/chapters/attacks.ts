import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { approvedKey, historyKey } from '../../../protocol/keys.ts';
import type { NodeId } from '../../../bundle/index.ts';
import { overwrite } from '../lab.ts';
import type { Lab, Machine } from '../lab.ts';
import { fillUp, readFiles, untouched, isApplied } from '../machine.ts';
import type { Booted } from './first-boot.ts';

const MAX_BYTES = 1 << 21;

/** Somebody who can write the bucket tries what they can. */
export async function attacks(lab: Lab, { machine, node, short, files }: Booted): Promise<void> {
  const { narrator, store } = lab;
  const id = node as NodeId;
  const key = approvedKey(id);
  const paths = [...files.keys()];
  const other = await otherMachine(lab);

  narrator.chapter('Somebody takes over the bucket');
  const good = (await store.get(key, { maxBytes: MAX_BYTES }))!.body;
  const before = await readFiles(machine.root, paths);
  const refused = async (
    what: string,
    body: Uint8Array,
    codes: readonly string[],
  ): Promise<void> => {
    await overwrite(store, key, body);
    const boot = await lab.agent(machine, ['boot', '--once']);
    narrator.check(
      what,
      codes.includes(boot.error ?? ''),
      `${boot.error ?? 'no error'}: ${boot.stderr}`,
    );
  };

  narrator.note('one byte in the middle of the bundle is changed');
  const tampered = Uint8Array.from(good);
  const middle = Math.floor(good.length / 2);
  tampered[middle] = tampered[middle]! ^ 1;
  await refused('the machine refuses a tampered bundle', tampered, ['digest_mismatch']);

  narrator.note("another machine's approved bundle is put in its place");
  const theirs = (await store.get(approvedKey(other), { maxBytes: MAX_BYTES }))!.body;
  await refused("the machine refuses another machine's bundle", theirs, ['not_this_node']);

  narrator.note('an old approval of this machine is put back');
  const old = (await store.get(historyKey(id, 2), { maxBytes: MAX_BYTES }))!.body;
  await refused('the machine remembers more, and refuses it', old, ['rollback_refused']);

  narrator.note('the object is replaced by nothing at all');
  await refused('the machine refuses it', new Uint8Array([0]), ['truncated', 'bad_magic']);

  narrator.checkEach(
    'through all of it, no file of the machine was touched',
    untouched(before, await readFiles(machine.root, paths)),
  );
  const repaired = await lab.coatcheck(['repair', short]);
  narrator.check('repair puts back what is in force', repaired.code === 0, repaired.stderr);
  const booted = await lab.agent(machine, ['boot', '--once']);
  narrator.check('and the machine boots again', isApplied(booted), booted.stderr);

  narrator.note('junk is put where the next decision would go');
  const { entries } = await lab.ask<{ entries: { slot: number }[] }>(['history', short]);
  const next = (entries.at(-1)?.slot ?? 0) + 1;
  await store.create(historyKey(id, next), new TextEncoder().encode('junk'));
  const history = await lab.coatcheck(['history', short], 20);
  narrator.check(
    'the record names it as junk',
    history.stderr.includes(`slot ${next}`),
    history.stderr,
  );
  const decided = await lab.coatcheck(['reconfigure', short, '--yes', '--reason', 'goodbye']);
  narrator.check(
    'and the next decision goes past it',
    decided.stdout.includes(`slot ${next + 1}`),
    decided.stdout + decided.stderr,
  );
}

/** A second machine, with an approved configuration of its own. */
async function otherMachine(lab: Lab): Promise<NodeId> {
  const { narrator, folder } = lab;
  narrator.chapter('A second machine joins');
  const machine: Machine = {
    root: join(folder, 'second-root'),
    key: join(folder, 'second.key'),
    state: join(folder, 'second-state'),
  };
  await mkdir(machine.root);
  await fillUp(machine.root, new Map());
  await lab.agent(machine, ['key', 'make', 'file', machine.key]);
  const { node } = await lab.askAgent<{ node: NodeId }>(machine, ['id']);
  await lab.agent(machine, ['propose'], 4);
  const approved = await lab.coatcheck(['approve', node.slice(0, 16), '--full', '--yes'], 14);
  narrator.check('it is approved', approved.code === 0, approved.stderr);
  const list = await lab.coatcheck(['list']);
  narrator.check('both are in force', list.stdout.match(/^[a-z2-7]{32} /gm)?.length === 2);
  return node;
}
