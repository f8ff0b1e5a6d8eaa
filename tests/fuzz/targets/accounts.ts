import { readNames } from '../../../agent/apply/accounts.ts';
import { mergeAccounts, prunedOriginals } from '../../../agent/apply/merge.ts';
import type { AccountTexts, Originals } from '../../../agent/apply/merge.ts';
import {
  ACCOUNT_FILES,
  formatEntries,
  isEntry,
  linesOf,
  parseEntries,
} from '../../../protocol/accounts.ts';
import type { AccountFile } from '../../../protocol/accounts.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameText, verdict } from '../engine/verdict.ts';

const FILES = Object.keys(ACCOUNT_FILES) as AccountFile[];

/** A form feed between the files; one that is not there is no file. */
function texts(parts: readonly (string | undefined)[]): AccountTexts {
  const given: AccountTexts = {};
  FILES.forEach((file, i) => {
    const text = parts[i];
    if (text !== undefined && text !== '-') given[file] = text;
  });
  return given;
}

const lines = (text = ''): Set<string> => new Set(linesOf(text).filter(isEntry));
const names = (text = ''): Set<string> => new Set(parseEntries(text).map((entry) => entry[0]!));
/** What counts in a file: the first entry of each name. */
const effective = (text = ''): string => {
  const byName = new Map<string, readonly string[]>();
  for (const entry of parseEntries(text)) if (!byName.has(entry[0]!)) byName.set(entry[0]!, entry);
  return formatEntries(byName.values());
};
const merge = (current: AccountTexts, bundle: AccountTexts, originals: Originals) =>
  mergeAccounts({ current, bundle, originals });
const after = (current: AccountTexts, changed: AccountTexts): AccountTexts => ({
  ...current,
  ...changed,
});

/**
 * passwd, shadow and group of a machine and of two bundles, one applied after the other. What
 * `mergeAccounts` promises: twice is once, the machine's own entries stay, and what a bundle brought
 * goes with it.
 */
export const target: Target = {
  run(input) {
    const parts = Buffer.from(input).toString('latin1').split('\f');
    const machine = texts(parts.slice(0, 3));
    const bundle = texts(parts.slice(3, 6));
    const update = texts(parts.slice(6, 9));
    return verdict(() => {
      const first = merge(machine, bundle, {});
      const applied = after(machine, first.texts);
      const again = merge(applied, bundle, first.originals);
      for (const file of FILES) {
        sameText(again.texts[file] ?? '', first.texts[file] ?? '', `${file} merged twice`);
        const kept = names(applied[file]);
        for (const name of names(machine[file])) demand(kept.has(name), `${file} lost an entry`);
        for (const name of names(bundle[file])) demand(kept.has(name), `${file} lacks an entry`);
        const own = lines(machine[file]);
        const brought = [...lines(first.texts[file])].filter((line) => !own.has(line));
        const repeated = brought.length - names(brought.join('\n')).size;
        demand(repeated === 0, `${file} got a name twice`);
      }
      const users = readNames(machine['etc/passwd'] ?? '');
      const before = lines(machine['etc/passwd']);
      const brought = [...lines(first.texts['etc/passwd'])].filter((line) => !before.has(line));
      for (const [name, , id] of parseEntries(brought.join('\n'))) {
        const own = parseEntries(bundle['etc/passwd'] ?? '').find((entry) => entry[0] === name);
        const isRoot = Number(id) === 0 && id !== '';
        const wasRoot =
          own === undefined || Number(own[2]) === 0 || users.idOf(name!) === 0 || own.length !== 7;
        demand(!isRoot || wasRoot, 'somebody became root');
      }

      const originals = prunedOriginals(first.originals, bundle);
      const second = merge(applied, update, originals);
      const updated = after(applied, second.texts);
      const undone = after(updated, merge(updated, {}, second.originals).texts);
      for (const file of FILES)
        sameText(effective(undone[file]), effective(machine[file]), `${file} undone`);
      return `ok ${Object.keys(second.originals).length}`;
    });
  },
  seeds: [
    [
      'root:x:0:0:root:/root:/bin/sh\nsshd:x:104:65534::/run/sshd:/usr/sbin/nologin\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n',
      'root:*:19000:0:99999:7:::\nann:$6$a$b:19000:0:99999:7:::\n',
      'root:x:0:\nadm:x:4:ann,syslog\nann:x:1000:\n',
      'root:x:0:0:root:/root:/bin/bash\nchrony:x:104:112::/var/lib/chrony:/usr/sbin/nologin\nbob:x:1000:1000:Bob:/home/bob:/bin/sh\n',
      'bob:!:19000:0:99999:7:::\n',
      'adm:x:4:bob\nchrony:x:112:\nbob:x:1000:bob\n',
      'bob:x:1001:1001::/home/bob:/bin/sh\n',
      'bob:*:19000:0:99999:7:::\n',
      'bob:x:1001:\n',
    ],
    ['+::::::\n# c\n\n', '-', '-', 'a:x:0:0:::\n', '-', '-', '-', '-', '-'],
    ['-', '-', '-', '-', '-', 'wheel:x:10:a,b,,a\n', '-', '-', 'wheel:x:10:c\n'],
    [
      'constructor:x:1:1:::\n__proto__:x:2:2:::\n',
      '-',
      '-',
      '__proto__:x:3:3:::\nconstructor:x:4:4:::\n',
      '-',
      '-',
      '-',
      '-',
      '-',
    ],
  ].map((parts) => Buffer.from(parts.join('\f'), 'latin1')),
  words: [
    ':',
    ',',
    '\n',
    '\f',
    ':x:0:0:',
    ':x:1000:1000:',
    ':x:999:',
    'root',
    '+',
    '-',
    '__proto__',
    '4294967295',
  ],
  limits: { maxBytes: 1024, work: [20_000, 500], allocated: [4096, 16] },
};
