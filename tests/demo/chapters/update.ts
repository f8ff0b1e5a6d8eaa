import { execFile } from 'node:child_process';
import { appendFile, chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Lab, Machine } from '../lab.ts';
import { compare, isRoot, isThere, readFiles, untouched, isApplied } from '../machine.ts';
import type { Booted, PendingDocument } from './first-boot.ts';

interface DiffDocument {
  readonly files: readonly { path: string; change: string; mode?: object; lines?: object }[];
}
const isOwnerOnly = ({ change, mode, lines }: DiffDocument['files'][number]): boolean =>
  change === 'changed' && mode === undefined && lines === undefined;

/** Somebody edits the machine; the change is proposed, looked at, approved, and booted. */
export async function update(lab: Lab, { machine, short, files }: Booted): Promise<Machine> {
  const { narrator } = lab;
  narrator.chapter('An update is proposed, looked at, and approved');
  // The edits are made in a copy, so that the machine's own root shows what a boot touches.
  const edited: Machine = { ...machine, root: join(lab.folder, 'edited-root') };
  // With owners, which fs.cp does not keep.
  await promisify(execFile)('cp', ['-a', machine.root, edited.root]);
  const edit = (path: string): string => join(edited.root, path);
  narrator.note('edited on the machine: etc/motd, etc/hosts (its mode), and one file is removed');
  await appendFile(edit('etc/motd'), 'coatcheck was here\n');
  if (!files.has('etc/hosts')) await writeFile(edit('etc/hosts'), '127.0.0.1 localhost\n');
  await chmod(edit('etc/hosts'), 0o600);
  const dropped = [...files.keys()].find((path) => !KEPT.has(path))!;
  await rm(edit(dropped));

  const proposed = await lab.agent(edited, ['propose'], 4);
  narrator.check('the update is proposed', proposed.code === 0, proposed.stderr);
  const { pending } = await lab.ask<PendingDocument>(['pending']);
  await appendFile(edit('etc/motd'), 'and again\n');
  const second = await lab.agent(edited, ['propose'], 4);
  narrator.check(
    'while it waits a second one is refused, and told which one waits',
    second.error === 'waiting' && second.stderr.includes(pending[0]?.digest ?? 'nothing waits'),
    second.stderr,
  );

  const diff = await lab.coatcheck(['diff', short], 30);
  narrator.check(
    'the administrator sees the line that is new',
    diff.stdout.includes('+coatcheck was here'),
  );
  narrator.check('and the mode that changes', /etc\/hosts +mode \d+ -> 0600/.test(diff.stdout));
  narrator.check('and the file that goes', new RegExp(`^- ${dropped} `, 'm').test(diff.stdout));
  const view = await lab.ask<DiffDocument>(['diff', short]);
  // Without root the edited copy belongs to somebody else than the files of the machine.
  const shown = view.files.filter((file) => isRoot || !isOwnerOnly(file)).map(({ path }) => path);
  const edits = [dropped, 'etc/hosts', 'etc/motd'].sort();
  narrator.check('and nothing else', shown.join() === edits.join(), shown.join(' '));
  const approved = await lab.coatcheck(['approve', short, '--full', '--yes'], 14);
  narrator.check('it is approved', approved.code === 0, approved.stderr);

  const changed = ['etc/hosts', 'etc/motd'];
  const others = [...files.keys()].filter((path) => ![...changed, dropped].includes(path));
  const before = await readFiles(machine.root, others);
  const booted = await lab.agent(machine, ['boot', '--once']);
  narrator.check('the machine applies the update', isApplied(booted), booted.stderr);
  narrator.checkEach(
    `the ${others.length} files that did not change were not touched`,
    untouched(before, await readFiles(machine.root, others)),
  );
  await writeFile(
    edit('etc/motd'),
    (await readFiles(machine.root, ['etc/motd'])).get('etc/motd')!.content,
  );
  narrator.checkEach(
    'the files that changed are as they were edited',
    compare(await readFiles(edited.root, changed), await readFiles(machine.root, changed)),
  );
  const state = await lab.ask<{
    report?: { statementDigest: string };
    decision: { statementDigest: string };
  }>(['show', short]);
  narrator.check(
    'the administrator has the report on the update',
    state.report?.statementDigest === state.decision.statementDigest,
  );
  narrator.check('the removed file is gone', !(await isThere(join(machine.root, dropped))));
  return edited;
}

/** Files that the chapters edit, or that others depend on. */
const KEPT = new Set(['etc/motd', 'etc/hosts', 'etc/passwd', 'etc/shadow', 'etc/group']);
