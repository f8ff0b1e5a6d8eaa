import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listAll } from '../../../store/port.ts';
import type { Lab, Machine } from '../lab.ts';
import { compare, ENOUGH_FILES, fillUp, isRoot, readFiles, isApplied } from '../machine.ts';
import type { Files } from '../machine.ts';

interface CaptureDocument {
  readonly files: readonly { path: string; executes: string; secret: boolean }[];
  readonly skipped: readonly { path: string; reason: string }[];
}
export interface PendingDocument {
  readonly pending: readonly { node: string; digest: string; hostname?: string }[];
}

/** What later chapters need of the machine. */
export interface Booted {
  readonly machine: Machine;
  /** its id, and the beginning of it that commands are given */
  readonly node: string;
  readonly short: string;
  /** the files that it proposed first */
  readonly files: Files;
}

/** A machine proposes what it has, the administrator approves, and it boots into an empty root. */
export async function firstBoot(lab: Lab): Promise<Booted> {
  const { narrator, folder } = lab;
  narrator.chapter('A machine proposes its configuration');
  const key = join(folder, 'machine.key');
  const carries = { key, state: join(folder, 'machine-state') };
  await lab.agent({ root: '/', ...carries }, ['key', 'make', 'file', key]);
  const { node } = await lab.askAgent<{ node: string }>({ root: '/', ...carries }, ['id']);
  const short = node.slice(0, 16);

  const source = await sourceOf(lab, carries);
  const files = await readFiles(source.machine.root, source.paths);
  const proposed = await lab.agent(source.machine, ['propose'], 4);
  narrator.check(
    'it is sealed and uploaded by a presigned PUT',
    proposed.code === 0,
    proposed.stderr,
  );
  await noPlaintext(lab, files);
  narrator.check(
    'before anybody approves, nothing can be booted',
    (await lab.agent(source.machine, ['boot', '--once', '--no-propose'])).code === 8,
  );

  narrator.chapter('The administrator looks, and approves');
  await lab.coatcheck(['pending']);
  const { pending } = await lab.ask<PendingDocument>(['pending']);
  narrator.check(
    'one proposal waits, of this machine',
    pending.length === 1 && pending[0]?.node === node,
  );
  const diff = await lab.coatcheck(['diff', short]);
  narrator.check('every file is shown as new', !/^[~-] etc/m.test(diff.stdout) && diff.code === 0);
  narrator.check('secrets are masked', !/^\+root:[^*!]/m.test(section(diff.stdout, 'etc/shadow')));
  const approved = await lab.coatcheck(
    ['approve', short, '--full', '--yes', '--reason', 'first boot'],
    6,
  );
  narrator.check('it is approved', approved.code === 0, approved.stderr);

  narrator.chapter('The machine boots into an empty root folder');
  const machine: Machine = { root: join(folder, 'root'), ...carries };
  await mkdir(machine.root);
  const booted = await lab.agent(machine, ['boot', '--once'], 8);
  narrator.check('it fetches, verifies and applies', isApplied(booted), booted.stderr);
  const actual = await readFiles(machine.root, [...files.keys()]);
  narrator.checkEach(
    `${files.size} files are there, each with its content and mode${isRoot ? ' and owner' : ' (owners only as root)'}`,
    compare(files, actual),
  );
  const again = await lab.askAgent<{ changed: string[] }>(machine, ['boot', '--once']);
  narrator.check(
    'booting again changes nothing',
    again.changed.length === 0,
    again.changed.join(' '),
  );
  const shown = await lab.coatcheck(['show', short], 12);
  narrator.check('the administrator has its report', /report +applied/.test(shown.stdout));
  return { machine, node, short, files };
}

/** This machine, or, where it has too little to show, a folder that begins with what it has. */
async function sourceOf(
  lab: Lab,
  carries: Omit<Machine, 'root'>,
): Promise<{ machine: Machine; paths: string[] }> {
  const { narrator } = lab;
  const here: Machine = { root: '/', ...carries };
  narrator.command('coatcheck-agent capture');
  const { files, skipped } = await lab.askAgent<CaptureDocument>(here, ['capture']);
  const paths = files.map(({ path }) => path);
  const of = (executes: string): number =>
    files.filter((file) => file.executes === executes).length;
  narrator.output(
    `${files.length} files of this machine: ${of('by place')} run or let somebody in, ${of('may name')} may name a program, ${of('no')} are data`,
  );
  const reasons = new Map<string, string[]>();
  for (const { path, reason } of skipped)
    reasons.set(reason, [...(reasons.get(reason) ?? []), path]);
  for (const [reason, skippedPaths] of reasons) {
    const names = skippedPaths.slice(0, 4).join(', ');
    const more = skippedPaths.length > 4 ? ', ...' : '';
    narrator.output(`${skippedPaths.length} left out, ${reason}: ${names}${more}`);
  }
  narrator.check(
    'what it left out has a reason',
    skipped.every(({ reason }) => reason !== ''),
  );
  await fromImage(lab, here, paths);
  if (files.length >= ENOUGH_FILES) return { machine: here, paths };

  const root = join(lab.folder, 'source');
  const madeUp = await fillUp(root, await readFiles('/', paths));
  narrator.note(
    `${files.length} files are few: ${madeUp.length} made-up ones fill up, from tests/fixtures/reference-node`,
  );
  return { machine: { ...here, root }, paths: [...paths, ...madeUp] };
}

/**
 * How many of the files are configuration: what the packages of this machine ship is its image's, were it
 * one, and would be left to it.
 */
async function fromImage(lab: Lab, here: Machine, paths: readonly string[]): Promise<void> {
  const { narrator } = lab;
  const file = join(lab.folder, 'baseline.json');
  const made = await lab.agent(here, ['baseline', 'make', '--packages', file], 0);
  if (made.code !== 0) {
    narrator.note(
      'which of them an image would have anyway nobody knows here: no dpkg, and no rpm',
    );
    return;
  }
  const shipped = JSON.parse(await readFile(file, 'utf8')) as { files: Record<string, string> };
  const own = paths.filter((path) => shipped.files[path] === undefined);
  narrator.output(
    `of ${paths.length} files, ${own.length} differ from the image: of an image with this baseline only they would be proposed`,
  );
}

/** Nothing in the store holds a line of the files in the clear. */
async function noPlaintext(lab: Lab, files: Files): Promise<void> {
  const lines = [...files.values()]
    .flatMap(({ content }) => content.toString('latin1').split('\n'))
    .filter((line) => line.length >= 24);
  const found: string[] = [];
  let objects = 0;
  for await (const { key } of listAll(lab.store, '')) {
    const object = await lab.store.get(key, { maxBytes: 1 << 21 });
    if (object === undefined) continue;
    objects++;
    const text = Buffer.from(object.body).toString('latin1');
    if (lines.some((line) => text.includes(line))) found.push(key);
  }
  lab.narrator.check(
    `none of ${lines.length} lines is in any of the ${objects} stored objects`,
    found.length === 0 && objects > 0 && lines.length > 0,
    found.join(' '),
  );
}

/** What a diff says about one file. */
function section(diff: string, path: string): string {
  const start = diff.indexOf(` ${path}  `);
  if (start < 0) return '';
  const rest = diff.slice(start + 1);
  const end = rest.search(/^[+~-] \S+ {2}/m);
  return end < 0 ? rest : rest.slice(0, end);
}
