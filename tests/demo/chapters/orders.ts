import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab, Machine } from '../lab.ts';
import { compare, readFiles, untouched, isApplied } from '../machine.ts';
import type { Booted, PendingDocument } from './first-boot.ts';

/** A proposal is rejected; then the orders that an administrator can give. */
export async function orders(lab: Lab, booted: Booted, edited: Machine): Promise<void> {
  const { narrator } = lab;
  const { machine, short, files } = booted;
  const paths = [...files.keys()];

  narrator.chapter('A proposal is rejected, with a reason');
  await appendFile(join(edited.root, 'etc/motd'), 'ten coffees a day keep the pager away\n');
  await lab.agent(edited, ['propose'], 4);
  const [proposal] = (await lab.ask<PendingDocument>(['pending'])).pending;
  const digest = proposal?.digest.slice(0, 12) ?? '';
  const reason = 'no jokes in the motd';
  const rejected = await lab.coatcheck(['reject', short, digest, '--reason', reason, '--yes']);
  narrator.check('it is rejected', rejected.code === 0, rejected.stderr);
  const told = await lab.agent(edited, ['propose'], 4);
  narrator.check(
    'the machine is told so, and why',
    told.error === 'rejected' && told.stderr.includes(reason),
    told.stderr,
  );
  const before = await readFiles(machine.root, paths);
  const boot = await lab.agent(machine, ['boot', '--once']);
  narrator.check('what was in force stays in force', isApplied(boot), boot.stderr);
  narrator.checkEach(
    'and no file is touched',
    untouched(before, await readFiles(machine.root, paths)),
  );

  narrator.chapter('reconfigure: the machine makes a new proposal at its next boot');
  await lab.coatcheck(['reconfigure', short, '--reason', 'moved to rack 7', '--yes']);
  const anew = await lab.agent(edited, ['boot', '--once'], 6);
  narrator.check('it applies nothing, proposes, and waits', anew.code === 8, anew.stderr);
  const { pending } = await lab.ask<PendingDocument>(['pending']);
  narrator.check('the new proposal is there', pending.length === 1, `${pending.length} wait`);
  const approved = await lab.coatcheck(['approve', short, '--full', '--yes'], 14);
  narrator.check('it is approved', approved.code === 0, approved.stderr);
  const applied = await lab.agent(machine, ['boot', '--once']);
  narrator.check(
    'and applied',
    isApplied(applied) && applied.stdout.includes('changed etc/motd'),
    applied.stderr,
  );

  narrator.chapter('revoke: the machine applies nothing any more');
  await lab.coatcheck(['revoke', short, '--reason', 'stolen from rack 7', '--yes']);
  const revoked = await lab.agent(machine, ['boot', '--once']);
  narrator.check(
    'it is told so, and why',
    revoked.error === 'revoked' && revoked.stderr.includes('stolen from rack 7'),
    revoked.stderr,
  );

  narrator.chapter('rollback: what was approved first is in force again');
  await lab.coatcheck(['history', short]);
  const back = await lab.coatcheck(
    ['rollback', short, '1', '--full', '--yes', '--reason', 'it was found'],
    6,
  );
  narrator.check('it is rolled back', back.code === 0, back.stderr);
  const restored = await lab.agent(machine, ['boot', '--once']);
  narrator.check('the machine obeys', isApplied(restored), restored.stderr);
  narrator.checkEach(
    'every file is as it was first proposed',
    compare(files, await readFiles(machine.root, paths)),
  );
}
