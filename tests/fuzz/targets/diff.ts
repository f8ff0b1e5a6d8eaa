import type { FileEntry, Manifest, Metadata } from '../../../bundle/index.ts';
import { diffLines } from '../../../cli/diff-lines.ts';
import { diffView } from '../../../admin/diff-view.ts';
import { hidingOf } from '../../../admin/secrets/secrets.ts';
import { createTerminal } from '../../../cli/terminal.ts';
import { escapeJson } from '../../../protocol/escape.ts';
import { fileOf, manifestOf } from '../../fixtures/format.ts';
import { Choices } from '../engine/choices.ts';
import type { Target } from '../engine/target.ts';
import { demand } from '../engine/verdict.ts';

const PATHS = [
  'etc/hosts',
  'etc/shadow',
  'etc/passwd',
  'etc/wireguard/wg0.conf',
  'etc/motd',
  'etc/iscsi/iscsid.conf',
  'etc/ssl/private/a',
  'x',
  'etc/systemd/system/a.service',
];
const SECRET = 'hunter2hunter2';
const silent = { write: () => true };
const { style } = createTerminal(
  { stdin: {}, stdout: silent, stderr: silent, env: {} },
  { json: false },
);

/** As a manifest may hold it: no control characters, and valid text. */
const said = (choices: Choices): string =>
  choices
    .text()
    .replace(/[^ -~]/g, '?')
    .slice(0, 1024);

function side(choices: Choices): Manifest {
  const files: FileEntry[] = [];
  for (const path of PATHS) {
    const made = choices.below(8);
    if (made > 4) continue;
    const text = made === 4 ? `node.session.auth.password = ${SECRET}\n` : '';
    const content = Buffer.concat([Buffer.from(text), choices.bytes().subarray(0, 32)]);
    files.push(fileOf(path, '', { content, mode: made, owner: 'root' }));
  }
  const metadata: Metadata = choices.flag()
    ? { hostname: 'a', answers: { __proto__: said(choices), a: said(choices), password: SECRET } }
    : {};
  return manifestOf({ files, metadata });
}

const isText = (value: string | undefined): value is string => value !== undefined;

/** The content of one side, from the lines of a diff with all the context there is. */
const sideOf = (lines: readonly string[], sign: string): string[] =>
  lines
    .filter((line) => line.startsWith(sign) || line.startsWith(' '))
    .map((line) => line.slice(1));

/**
 * What a reviewer is shown of two bundles: nothing that a terminal obeys, no secret unless asked
 * for, every line that is new.
 */
export const target: Target = {
  run(input) {
    const choices = new Choices(input);
    const options = { showSecrets: choices.flag(), stat: choices.below(8) === 0 };
    const [before, after] = [choices.flag() ? side(choices) : undefined, side(choices)];
    const view = diffView(before, after, options);
    const lines = diffLines(view, style);
    // Line ends and tabs in the lines of a file are as they are.
    const ours = view.files.reduce((sum, { lines: own = [] }) => sum + own.length, 0);
    const settings = view.metadata.flatMap(({ before: a, after: b }) => [a, b]).filter(isText);
    const marked = lines.filter((line) => line.startsWith('| ')).length;
    demand(marked === ours + settings.length, 'a line of content is not marked as one');
    const printed = lines.join('').replaceAll(/[\t\n]/g, '');
    demand(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(printed), 'a terminal obeys');
    demand(/^[\n\x20-\x7e]*$/.test(escapeJson(view)), 'JSON is not ASCII');
    for (const file of view.files) {
      demand(!file.lines?.some((line) => line.includes('\n')), 'one line is two');
      const entry = after.files.find(({ path }) => path === file.path);
      if (!options.showSecrets && hidingOf(file.path, file.secret) === 'withheld') {
        demand(file.lines === undefined, 'a secret is shown');
      }
      const hasNul = [before, after].some((one) =>
        one?.files.some(({ path, content }) => path === file.path && content.includes(0)),
      );
      if (!options.showSecrets && file.path === 'etc/iscsi/iscsid.conf' && !hasNul) {
        demand(
          !file.lines?.includes(`+node.session.auth.password = ${SECRET}`),
          'a password is shown',
        );
      }
      if (options.showSecrets && file.change === 'added' && file.lines && entry) {
        const shown = sideOf(file.lines, '+').join('\n');
        const text = Buffer.from(entry.content).toString('latin1');
        if (/^[\n\x20-\x7e]*$/.test(text))
          demand(shown === text.replace(/\n$/, ''), 'a line is not shown');
      }
    }
    return `${view.files.length} ${view.metadata.length} ${view.files.some((f) => f.hidden)}`;
  },
  seeds: [],
  words: [
    '\n',
    '\r\n',
    '\u202e',
    '\x1b[',
    'password = ',
    '$6$',
    'PrivateKey = ',
    '-----BEGIN PRIVATE KEY-----',
    '\\ No newline at end of file',
    '@@ -1 +1 @@',
  ],
  limits: { maxBytes: 256, work: [50_000, 1000], allocated: [65_536, 256] },
};
