import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { describeWith } from '../support/components.ts';
import { runCli } from '../support/cli.ts';

const OF_REVOKE = ['--where', '--expect', '--reason', '--yes', '--despite-memory']
  .concat(['--home', '--server', '--passphrase-file', '--passphrase-command', '--json', '--help'])
  .sort();
/** What is typed, and the words that can stand in the place of the last one. */
const LINES: readonly [line: string, words: readonly string[]][] = [
  ['coatcheck bun', ['bundle']],
  ['coatcheck bundle ', ['export', 'inspect', 'verify']],
  ['coatcheck --home lab bundle ex', ['export']],
  ['coatcheck --home=lab bundle ex', ['export']],
  ['coatcheck approve --expi', ['--expires']],
  ['coatcheck --no-pass', []],
  ['coatcheck init --no-pass', ['--no-passphrase']],
  ['coatcheck revoke abc --', OF_REVOKE],
  ['coatcheck approve --reason bundle ex', []],
  ['coatcheck init --approval ', ['none', 'required']],
  ['coatcheck bundle inspect sea', ['sealed bundle.cc']],
  ['coatcheck bundle export x la', ['lab']],
  ['coatcheck bundle export x sea', []],
  ['coatcheck serve --credentials sea', ['sealed bundle.cc']],
  ['coatcheck bundle verify -- --od', ['--odd']],
  ['coatcheck completion ', ['bash', 'fish', 'zsh']],
  ['coatcheck-agent key ma', ['make']],
  ['coatcheck-agent key make ', ['credential', 'file', 'image', 'usb']],
  ['coatcheck-agent --memory e', ['efi']],
  ['coatcheck-agent apply sea', ['sealed bundle.cc']],
];
let folder: string;
beforeAll(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-completion-'));
  fs.mkdirSync(join(folder, 'lab'));
  for (const name of ['sealed bundle.cc', '--odd']) fs.writeFileSync(join(folder, name), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await runCli(['completion', shell]);
    expect([code, stderr]).toEqual([0, '']);
    const agent = join(inject('commands'), 'coatcheck-agent.mjs');
    const ofAgent = execFileSync(process.execPath, [agent, 'completion', shell]);
    fs.writeFileSync(join(folder, `.${shell}`), `${stdout}\n${ofAgent.toString()}`);
  }
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

const run = (program: string, args: readonly string[]): string =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

describe('completion in bash', () => {
  it.each(LINES)('%s', (line, words) => {
    // As readline divides a line: at = too.
    const script = `source .bash
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      "_\${1//-/_}" && printf '%s\\n' "\${COMPREPLY[@]}"`;
    const typed = line.replaceAll('=', ' = ').split(' ');
    const offered = run('bash', ['-c', script, 'bash', ...typed]).split('\n');
    expect(offered.filter((word) => word !== '').sort()).toEqual(words);
  });
});

describeWith('shells', 'completion in fish', () => {
  it.each(LINES)('%s', (line, words) => {
    const out = run('fish', ['--no-config', '-c', 'source .fish; complete -C $argv', line]);
    const offered = out.split('\n').map((row) => row.split('\t')[0]!.replace(/\/$/, ''));
    const plain = offered.map((word) => word.replaceAll('\\', '')).filter((word) => word !== '');
    expect([...new Set(plain)].filter((word) => word !== '-h').sort()).toEqual(words);
  });
});

describeWith('shells', 'completion in zsh', () => {
  const unique = LINES.filter(([, words]) => words.length === 1);

  it.each(unique)('%s', (line, [word]) => {
    // A real zsh at a terminal: it writes down what Tab made of the line.
    const script = `zmodload zsh/zpty
      zpty -b shell 'zsh -f -i'
      zpty -w shell 'autoload -U compinit && compinit -u -D && source .zsh
        write() { print -r -- $BUFFER > .line.part && mv .line.part .line; exit }
        zle -N write && bindkey "^T" write && : > .ready'
      until [[ -e .ready ]]; do sleep 0.05; done
      zpty -w -n shell $1$'\\t\\x14'
      until [[ -e .line ]]; do zpty -r -t shell said; sleep 0.05; done
      cat .line && rm .line .ready`;
    const made = run('zsh', ['-f', '-c', script, 'zsh', line]);
    const before = line.slice(0, line.lastIndexOf(' ') + 1);
    expect(made.trimEnd().replaceAll('\\', '').replace(/\/$/, '')).toBe(`${before}${word!}`);
  });
});

describe('what is published', () => {
  it('loads no cryptography and no SDK for a help or a completion', () => {
    const main = join(inject('commands'), 'coatcheck.mjs');
    const seen = new Set<string>();
    const packages = new Set<string>();
    const follow = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      // `import ... from` and `export ... from`, not `import(...)`.
      const text = fs.readFileSync(path, 'utf8');
      for (const [, name] of text.matchAll(/^(?:import|export|\}) ?.*?["']([^"'\n]+)["'];$/gm)) {
        if (name!.startsWith('./')) follow(join(dirname(path), name!));
        else packages.add(name!);
      }
    };
    follow(main);
    const ofNode = [...packages].filter((name) => name.startsWith('node:'));
    expect([...packages]).toEqual(ofNode);
    expect(ofNode).toContain('node:util');
    expect(ofNode).not.toContain('node:crypto');
  });
});
