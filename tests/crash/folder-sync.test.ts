// @module-tag long
import * as fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../protocol/errors.ts';
import { runCli } from '../support/cli.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { withTemporaryFolder } from '../support/temporary-folder.ts';

const preload = pathToFileURL(join(import.meta.dirname, '../support/no-folder-sync.mjs')).href;

let folder: string;
withTemporaryFolder('no-sync', (made) => (folder = made));

/** Every path below a folder. */
const all = (top: string): string[] => fs.readdirSync(top, { recursive: true }).map(String).sort();

function refused({ code, stderr }: Run, named: string): void {
  expect([code, stderr]).toEqual([EXIT.denied, expect.stringContaining(`${named} may be gone`)]);
  expect(stderr).toMatch(/cannot sync it.*\[file_denied\]\n$/);
}

describe('a file system that cannot sync a folder', () => {
  it.each(['EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'EBADF'])(
    'is named by init, which leaves nothing (%s)',
    async (errno) => {
      const env = { NODE_OPTIONS: `--import=${preload}`, COATCHECK_TEST_ERRNO: errno };
      const made = join(folder, 'a/new/site');
      refused(
        await runCli(['--home', made, 'init', '--no-passphrase'], { env }),
        join(folder, 'a/new'),
      );
      fs.mkdirSync(join(folder, 'there'));
      const there = join(folder, 'there');
      refused(await runCli(['--home', there, 'init', '--no-passphrase'], { env }), there);
      expect(all(folder)).toEqual(['there']);
    },
  );

  it('is named by serve, before it serves anything', async () => {
    const home = join(folder, 'site');
    expect((await runCli(['--home', home, 'init', '--no-passphrase'])).code).toBe(0);
    const before = all(folder);
    const env = { NODE_OPTIONS: `--import=${preload}` };
    refused(await runCli(['--home', home, 'serve', '--port', '0'], { env }), home);
    expect(all(folder)).toEqual(before);
  });
});

describe('a machine on a file system that cannot sync a folder', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab.close());

  const run = async (machine: Machine, only: string, ...args: string[]): Promise<Run> =>
    machine.start(
      ['env', `COATCHECK_TEST_ONLY=${only}`, process.execPath, '--import', preload, agentProgram()],
      ['--root', machine.root, ...args],
    ).done;

  it('makes no key there', async () => {
    const machine = makeMachine(lab.site);
    const path = join(folder, 'key');
    refused(await run(machine, '', 'key', 'make', 'file', path), folder);
    expect(all(folder)).toEqual([]);
    machine.remove();
  });

  it.each([
    ['of its own files', '/coatcheck'],
    ['of a configuration', '/etc/modprobe.d'],
    ['of one of its folders that is new', '/etc/sysctl.d'],
    ['above it', '/etc'],
    ['of its root', '/lib'],
  ])('leaves all as it was, and boots where it can: the folder %s', async (_, only) => {
    const machine = makeMachine(lab.site);
    machine.write('etc/hostname', 'mine\n');
    machine.write('etc/modprobe.d/a.conf', 'old\n');
    fs.mkdirSync(machine.path('var/lib'), { recursive: true });
    const files = {
      'etc/modprobe.d/a.conf': 'new\n',
      'etc/sysctl.d/b.conf': 'b\n',
      'etc/hostname': 'other\n',
    };
    await lab.approve(machine.identity, await lab.propose(machine.identity, files));
    const before = machine.tree();
    const failed = await run(machine, only, 'boot', '--once');
    refused(failed, only.replace(/^\//, '').replace(/^(coatcheck|lib)$/, ''));
    expect(machine.tree()).toEqual(before);
    expect(
      all(machine.root).filter((path) => /\.(new|tmp)$|coatcheck-[0-9a-f]+$/.test(path)),
    ).toEqual([]);
    expect((await machine.run('boot', '--once')).code).toBe(0);
    expect(machine.read('etc/modprobe.d/a.conf')).toBe('new\n');
    machine.remove();
  });
});
