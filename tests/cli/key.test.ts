import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { openKeyFile } from '../../cli/key-file.ts';
import { refusal, runCli } from '../support/cli.ts';
import type { Run } from '../support/run.ts';

const [OLD, NEW] = ['the first of them', 'the second of them'];
const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-key-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

let home: string;
let key: string;
let number = 0;
beforeEach(async () => {
  home = join(folder, String(number++));
  key = join(home, 'admin.key');
  expect((await run(OLD, 'init')).code).toBe(0);
});

const run = (passphrase: string, ...args: string[]): Promise<Run> =>
  runCli(['--home', home, ...args], { env: { COATCHECK_PASSPHRASE: passphrase } });
const fileOf = (passphrase: string): string => {
  const path = join(folder, `passphrase ${number++}`);
  fs.writeFileSync(path, `${passphrase}\n`, { mode: 0o600 });
  return path;
};
const opens = async (passphrase: string): Promise<boolean> =>
  openKeyFile(fs.readFileSync(key), () => Promise.resolve(passphrase), key).then(
    () => true,
    () => false,
  );
/** What is in the folder besides the two files of a site. */
const left = (): string[] =>
  fs.readdirSync(home).filter((name) => !['admin.key', 'site.json'].includes(name));

describe('key passphrase', () => {
  it('changes what opens the key, and not the key', async () => {
    const before = JSON.parse(fs.readFileSync(key, 'utf8')) as { signKey: string };
    const { code, stdout } = await run(
      OLD,
      'key',
      'passphrase',
      '--new-passphrase-file',
      fileOf(NEW),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/has another passphrase; its words stay: ([a-z]+ ?){8}\n/);
    expect([await opens(OLD), await opens(NEW)]).toEqual([false, true]);
    const after = JSON.parse(fs.readFileSync(key, 'utf8')) as { signKey: string };
    expect(after.signKey).toBe(before.signKey);
    expect(fs.statSync(key).mode & 0o777).toBe(0o600);
    expect(left()).toEqual([]);
  });

  it(
    'takes it away only where that is said, and gives one to a key that has none',
    { tags: 'long' },
    async () => {
      const bare = await run(OLD, '--json', 'key', 'passphrase', '--no-passphrase');
      expect(JSON.parse(bare.stdout)).toMatchObject({ key, passphrase: false });
      expect(bare.stderr).toContain('whoever reads it approves');
      const args = ['key', 'passphrase', '--new-passphrase-file', fileOf(NEW)];
      expect((await run('', ...args)).code).toBe(0);
      expect(await opens(NEW)).toBe(true);
    },
  );

  it.each([
    ['the old one is wrong', 'another one of them', () => NEW, EXIT.denied, 'wrong_passphrase'],
    ['the new one is empty', OLD, () => '', EXIT.usage, 'weak_secret'],
    ['the new one is short', OLD, () => 'x'.repeat(11), EXIT.usage, 'weak_secret'],
  ])('changes nothing where %s', { tags: 'long' }, async (_, old, next, exit, code) => {
    const before = fs.readFileSync(key);
    const args = ['key', 'passphrase', '--new-passphrase-file', fileOf(next())];
    expect(refusal(await run(old, ...args))).toEqual([exit, code]);
    expect(fs.readFileSync(key)).toEqual(before);
  });

  it('asks for a new one, and takes the old one for none', async () => {
    expect(refusal(await run(OLD, 'key', 'passphrase'))).toEqual([EXIT.usage, 'usage']);
    expect(await opens(OLD)).toBe(true);
  });

  it('leaves a link to a key as it is', { tags: 'long' }, async () => {
    const elsewhere = join(folder, `elsewhere ${number++}`);
    fs.renameSync(key, elsewhere);
    fs.symlinkSync(elsewhere, key);
    expect((await run(OLD, 'key', 'passphrase', '--no-passphrase')).code).toBe(0);
    expect(fs.readlinkSync(key)).toBe(elsewhere);
    expect(await opens('')).toBe(true);
  });

  it(
    'is done by one of two at once, and the other says that it was not',
    { tags: 'long' },
    async () => {
      const passphrases = [NEW, 'the third of them'];
      const runs = await Promise.all(
        passphrases.map((one) =>
          run(OLD, 'key', 'passphrase', '--new-passphrase-file', fileOf(one)),
        ),
      );
      const done = runs.findIndex(({ code }) => code === 0);
      const others = runs.filter((_, i) => i !== done);
      expect(others.map(refusal)).toEqual([[EXIT.conflict, 'in_use']]);
      expect(await opens(passphrases[done]!)).toBe(true);
      expect(left()).toEqual([]);
    },
  );

  it('killed anywhere leaves a key that opens', { tags: 'long' }, async () => {
    await run(OLD, 'key', 'passphrase', '--no-passphrase');
    const bare = fs.readFileSync(key);
    const args = ['key', 'passphrase', '--new-passphrase-file', fileOf(NEW)];
    let [before, after] = [0, 0];
    for (let n = 1; ; n++) {
      fs.writeFileSync(key, bare);
      const env = { NODE_OPTIONS: `--import ${killedAt(n)}` };
      const { code } = await runCli(['--home', home, ...args], { env });
      const isOld = fs.readFileSync(key).equals(bare);
      if (!isOld) expect(await opens(NEW)).toBe(true);
      if (code === 0) break;
      expect(code).toBeNull();
      if (isOld) before++;
      else after++;
    }
    expect(before).toBeGreaterThan(3);
    expect(after).toBeGreaterThan(0);
  });
});

/** A module to preload that ends the process by SIGKILL before its n-th change of a file tree. */
function killedAt(n: number): string {
  const names = ['open', 'write', 'fchmod', 'fsync', 'rename', 'unlink'];
  return `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    let calls = 0;
    for (const name of ${JSON.stringify(names)}) {
      const real = fs[name];
      fs[name] = (...args) => {
        const changes = name !== 'open' || (args[1] & fs.constants.O_CREAT) !== 0;
        if (changes && ++calls === ${n}) process.kill(process.pid, 'SIGKILL');
        return real(...args);
      };
    }
    syncBuiltinESMExports();`)}`;
}

describe('--passphrase-command', () => {
  it('opens the key, and its words on stderr are seen', async () => {
    const args = ['--passphrase-command', `echo enter it >&2; echo '${OLD}'; echo url: x`];
    const { code, stderr } = await run(
      'a wrong one',
      ...args,
      'key',
      'passphrase',
      '--no-passphrase',
    );
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^enter it\n/)]);
  });

  it(
    'stands in the environment, too; a file on the command line wins',
    { tags: 'long' },
    async () => {
      const env = { COATCHECK_PASSPHRASE_COMMAND: 'exit 7' };
      const asked = ['--home', home, 'key', 'passphrase', '--no-passphrase'];
      expect(refusal(await runCli(asked, { env }))).toEqual([EXIT.failed, 'step_failed']);
      expect((await runCli(['--passphrase-file', fileOf(OLD), ...asked], { env })).code).toBe(0);
      const both = ['--passphrase-file', 'x', '--passphrase-command', 'y', ...asked];
      expect(refusal(await runCli(both))).toEqual([EXIT.usage, 'usage']);
    },
  );

  it('is held to what a new passphrase is', { tags: 'long' }, async () => {
    home = join(folder, String(number++));
    const made = await run('', '--passphrase-command', 'echo short', 'init');
    expect(refusal(made)).toEqual([EXIT.usage, 'weak_secret']);
    expect(fs.existsSync(home)).toBe(false);
  });
});
