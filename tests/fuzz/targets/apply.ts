import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BUILT_IN_PATHS } from '../../../protocol/paths.ts';
import { applyFiles } from '../../../agent/apply/apply.ts';
import { withRoot } from '../../../agent/tree/folder.ts';
import type { FileEntry } from '../../../bundle/manifest.ts';
import { formatEntries, isAccountFile, parseEntries } from '../../../protocol/accounts.ts';
import { fileOf } from '../../fixtures/format.ts';
import { Choices } from '../engine/choices.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameText, verdict } from '../engine/verdict.ts';

// A thread cannot change it, and nobody else looks at these files.
Object.assign(process, { umask: () => 0o022 });
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const root = mkdtempSync(join(place, 'coatcheck-fuzz-'));
process.once('exit', () => rmSync(root, { recursive: true, force: true }));

const PATHS = [
  'etc/passwd',
  'etc/group',
  'etc/shadow',
  'etc/hosts',
  'etc/hostname',
  'etc/chrony/chrony.conf',
];
const LINES: Readonly<Record<string, readonly string[]>> = {
  'etc/passwd': [
    'root:x:0:0::/root:/bin/sh',
    'ann:x:1000:1000::/:/bin/sh',
    'sys:x:100:100::/:/bin/sh',
    'constructor:x:999:999::/:/bin/sh',
    '#',
    '',
  ],
  'etc/group': ['root:x:0:', 'ann:x:1000:', 'sys:x:100:ann', 'constructor:x:100:', '+:::', ''],
  'etc/shadow': ['root:*:::::::', 'ann:!:::::::', ''],
};

function content(path: string, choices: Choices): string {
  const lines = LINES[path];
  if (lines === undefined) return choices.pick(['', 'a\n', 'b\n']);
  const chosen = choices.byte();
  return lines
    .filter((_, i) => (chosen >> i) & 1)
    .map((line) => `${line}\n`)
    .join('');
}

/** What the machine has of its own: files, links, or nothing. */
function makeRoot(choices: Choices): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, 'etc'), { recursive: true });
  // Where the links lead.
  writeFileSync(join(root, 'etc/elsewhere'), '# an image\nroot:x:0:\n', { mode: 0o644 });
  for (const path of PATHS) {
    const kind = choices.below(8);
    if (kind > 5) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (kind === 5) symlinkSync('elsewhere', join(root, path));
    else writeFileSync(join(root, path), content(path, choices), { mode: 0o600 + kind });
  }
}

function bundle(choices: Choices): FileEntry[] {
  return PATHS.flatMap((path) =>
    choices.below(4) === 3
      ? []
      : [fileOf(path, content(path, choices), { mode: 0o640 + choices.below(3) })],
  );
}

/** Every file but the agent's own; of the account files what counts: the first entry of each name. */
function tree(folder = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, folder)).sort()) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const stat = lstatSync(join(root, path));
    if (path === 'var') continue;
    if (stat.isDirectory()) Object.assign(found, tree(path));
    else if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(join(root, path))}`;
    else
      found[path] =
        `${(stat.mode & 0o7777).toString(8)} ${effective(path, readFileSync(join(root, path), 'latin1'))}`;
  }
  return found;
}

function effective(path: string, text: string): string {
  if (!isAccountFile(path)) return text;
  const seen = new Set<string>();
  return formatEntries(parseEntries(text).filter(([name]) => !seen.has(name!) && seen.add(name!)));
}

let seq = 0;
function apply(files: readonly FileEntry[]): void {
  const about = {
    site: '00',
    node: 'n',
    statement: String(++seq).padStart(64, '0'),
    seq,
    appliedAt: 0,
  };
  withRoot(root, (folder) =>
    applyFiles({ root: folder, files: [...files], list: BUILT_IN_PATHS, owners: false, about }),
  );
}

/**
 * No parser, but what the account files that were read are for. Bundles applied to a machine one after another: again is the same as once, and once the last one is
 * taken away the machine is what it was.
 */
export const target: Target = {
  run(input) {
    const choices = new Choices(input);
    makeRoot(choices);
    const before = JSON.stringify(tree());
    const count = 1 + choices.below(2);
    return verdict(() => {
      for (let i = 0; i < count; i++) {
        const files = bundle(choices);
        apply(files);
        const once = JSON.stringify(tree());
        for (const file of files) {
          if (!isAccountFile(file.path)) {
            sameText(
              readFileSync(join(root, file.path), 'utf8'),
              Buffer.from(file.content).toString(),
              file.path,
            );
          }
        }
        apply(files);
        sameText(JSON.stringify(tree()), once, 'machine after the same again');
      }
      apply([]);
      sameText(JSON.stringify(tree()), before, 'machine without a bundle');
      demand(existsSync(join(root, 'var/lib/coatcheck/applied.json')), 'no marker');
      return `ok ${count}`;
    });
  },
  seeds: [
    new Uint8Array(40),
    new Uint8Array(40).fill(1),
    new Uint8Array(40).fill(255),
    Uint8Array.from({ length: 60 }, (_, i) => i),
  ],
  oneIn: 100,
  limits: { maxBytes: 64, work: [60_000, 200], allocated: [262_144, 64] },
};
