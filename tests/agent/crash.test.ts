import { execFileSync } from 'node:child_process';
import mutable, * as fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUILT_IN_PATHS } from '../../protocol/paths.ts';
import { applyFiles } from '../../agent/apply/apply.ts';
import { applyFile } from '../../agent/commands/apply.ts';
import { withRoot } from '../../agent/tree/folder.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { codeOf, EXIT } from '../../protocol/errors.ts';
import { describeWith, itWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { killAt } from '../support/kill-at.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeSite } from '../support/site.ts';

const testSite = makeSite();
const FIRST = [
  fileEntry('etc/hostname', 'first\n'),
  fileEntry('etc/motd', 'first\n'),
  fileEntry('etc/group', 'alice:x:1000:\n'),
];
const SECOND = [
  fileEntry('etc/hostname', 'second\n', 0o600),
  fileEntry('etc/hosts', 'second\n'),
  fileEntry('etc/cron.d/job', '# second\n', 0o755),
  fileEntry('etc/group', 'bob:x:1001:\n'),
];

const IMAGE_UNIT = '[Service]\nExecStart=true\n[Install]\nWantedBy=multi-user.target\n';
const FIRST_ASKS = { disable: ['other.service'], enable: ['second.service'] };
const SECOND_ASKS = {
  enable: ['first.service'],
  mask: ['other.service'],
  timezone: 'Etc/UTC',
};

let machine: Machine;
beforeEach(() => {
  machine = makeMachine(testSite.site);
  machine.write('etc/motd', 'image\n');
  machine.write('etc/group', 'root:x:0:\n');
  machine.write('usr/share/zoneinfo/Etc/UTC', 'TZif2');
  for (const name of ['first', 'second', 'other']) {
    machine.write(`usr/lib/systemd/system/${name}.service`, IMAGE_UNIT);
  }
});
afterEach(() => machine.remove());

function frame(name: string, files: typeof FIRST, seq: number, asks: Metadata = {}): string {
  const path = machine.path(`frame-${name}`);
  fs.writeFileSync(path, approvedFrame(testSite, machine.identity, files, seq, asks));
  return path;
}

/** Applies `path` and kills the agent before its n-th change of the tree; 0 counts them. */
async function killedAt(n: number, path: string): Promise<Run> {
  const command = [process.execPath, '--import', killAt(n), agentProgram()];
  return machine.start(command, ['--root', machine.root, 'apply', path]).done;
}

/** As `coatcheck-agent apply`, without the time that a start takes. */
async function applyHere(path: string): Promise<void> {
  const places = {
    root: machine.root,
    site: machine.path('etc/coatcheck/site.json'),
  };
  const silent = {
    note: () => undefined,
    progress: () => undefined,
    part: () => undefined,
    result: () => undefined,
  };
  await applyFile({ places, server: undefined, console: silent, now: () => 1_790_000_000 }, path, {
    takeOver: false,
  });
}

/** Everything below the root, the agent's own files too, but for times and the memory. */
function everything(): string {
  return execFileSync('find', ['.', '-printf', '%p %m %y %l\n'], {
    cwd: machine.root,
    encoding: 'utf8',
  })
    .split('\n')
    .sort()
    .join('\n');
}

describeWith('systemctl', 'an apply that is killed', () => {
  it('and run again ends in the same tree', () => expectSameTree(10));
  it('and run again ends in the same tree, wherever it was killed', { tags: 'long' }, () =>
    expectSameTree(1),
  );

  /** Kills it at one call of so many. */
  async function expectSameTree(step: number): Promise<void> {
    const first = frame('first', FIRST, 1, FIRST_ASKS);
    const second = frame('second', SECOND, 2, SECOND_ASKS);
    expect((await machine.run('apply', first)).code).toBe(0);
    const start = join(machine.root, '..', `${machine.root.split('/').pop()!}-start`);
    const restart = (): void => {
      fs.rmSync(machine.root, { recursive: true });
      execFileSync('cp', ['-a', start, machine.root]);
    };
    execFileSync('cp', ['-a', machine.root, start]);

    const whole = await killedAt(0, second);
    expect(whole.code).toBe(0);
    const calls = Number(/calls (\d+)/.exec(whole.stderr)![1]);
    const [tree, all] = [machine.tree(), everything()];
    expect(tree['etc/group']).toBe('644 root:x:0:\nbob:x:1001:\n');
    expect(tree['etc/motd']).toBe('644 image\n');
    expect(tree['etc/localtime']).toBe('-> ../usr/share/zoneinfo/Etc/UTC');
    expect(tree['etc/systemd/system/other.service']).toBe('-> /dev/null');
    const wants = 'etc/systemd/system/multi-user.target.wants';
    expect(tree).toHaveProperty([`${wants}/first.service`]);
    expect(tree).not.toHaveProperty([`${wants}/second.service`]);
    expect(calls).toBeGreaterThan(40);

    for (let n = step; n <= calls; n += step) {
      restart();
      const killed = await killedAt(n, second);
      expect(killed.code).toBeNull();
      // Each file is the old one or the new one, never anything between.
      expect(['644 first\n', '600 second\n']).toContain(machine.tree()['etc/hostname']);
      await applyHere(second);
      expect(machine.tree(), `killed before call ${n}`).toEqual(tree);
      expect(everything(), `killed before call ${n}`).toBe(all);
    }
    fs.rmSync(start, { recursive: true });
  }
});

/** What changes a tree, as strace has it: by the name of the call in `killAt`. */
const CALLS: readonly (readonly [name: string, call: RegExp])[] = [
  ['renameSync', /^rename(at2?)?\(/],
  ['unlinkSync', /^unlink(at)?\(/],
  ['mkdirSync', /^mkdir(at)?\(/],
  ['symlinkSync', /^symlink(at)?\(/],
  ['openSync', /^open(at)?\(.*O_CREAT/],
  ['fchmodSync', /^fchmod\(/],
  ['fchownSync', /^fchown\(/],
  ['fsyncSync', /^fsync\(/],
];
const OTHERS =
  /^(rmdir|link|linkat|truncate|ftruncate|fallocate|chmod|fchmodat|chown|lchown|fchownat|utimensat|mknod\w*|\w*setxattr|fdatasync|pwrite\w*|copy_file_range|sendfile|open(at)?\(.*O_TRUNC)\b/;

describe('the calls before which it is killed', () => {
  itWith('strace', 'are all that change the tree', async () => {
    const first = frame('first', FIRST, 1, FIRST_ASKS);
    expect((await machine.run('apply', first)).code).toBe(0);
    const second = frame('second', SECOND, 2, SECOND_ASKS);
    const log = machine.path('calls');
    const strace = ['strace', '-f', '-e', 'trace=file,desc', '-e', 'signal=none', '-o', log];
    const command = [process.execPath, '--import', killAt(0), agentProgram()];
    const args = ['--root', machine.root, 'apply', second];
    const { code, stderr } = await machine.start([...strace, ...command], args).done;
    expect(code).toBe(0);
    const counted = JSON.parse(/calls \d+ (.*)/.exec(stderr)![1]!) as Record<string, number>;

    const lines = fs.readFileSync(log, 'utf8').split('\n');
    // Programs of the image have their own ways: what counts is the agent's process.
    const agent = lines[0]!.split(' ')[0]!;
    const calls = lines
      .filter((line) => line.startsWith(`${agent} `))
      .map((line) => line.slice(agent.length).trim());
    // One that is refused because it is no folder is only a question.
    const others = calls.filter((call) => OTHERS.test(call) && !/^rmdir\(.* ENOTDIR/.test(call));
    expect(others).toEqual([]);
    for (const [name, call] of CALLS) {
      const seen = calls.filter((line) => call.test(line));
      expect([name, seen.length], seen.join('\n')).toEqual([name, counted[name]]);
    }
  });
});

const ABOUT = { site: '', node: '', statement: '0'.repeat(64), seq: 1, appliedAt: 0 };
const isRoot = process.getuid?.() === 0;

async function codeFrom(act: () => Promise<void>): Promise<string> {
  try {
    await act();
  } catch (error) {
    return codeOf(error);
  }
  return 'none';
}

/** Runs `act` with the n-th call that needs room on the disk failing; true if there was one. */
async function withoutRoom(n: number, act: () => Promise<void>): Promise<boolean> {
  const real = { openSync: fs.openSync, writeSync: fs.writeSync, mkdirSync: fs.mkdirSync };
  let calls = 0;
  for (const [name, call] of Object.entries(real) as [keyof typeof real, () => unknown][]) {
    const patched = (...args: unknown[]): unknown => {
      const writes = name !== 'openSync' || ((args[1] as number) & fs.constants.O_CREAT) !== 0;
      if (writes && ++calls === n) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      return Reflect.apply(call, fs, args);
    };
    Object.assign(mutable, { [name]: patched });
  }
  syncBuiltinESMExports();
  try {
    await act();
  } finally {
    Object.assign(mutable, real);
    syncBuiltinESMExports();
  }
  return calls >= n;
}

describeWith('systemctl', 'a full disk', () => {
  it('leaves every file as it was, whichever write it was that failed', async () => {
    const first = frame('first', FIRST, 1, FIRST_ASKS);
    const second = frame('second', SECOND, 2, SECOND_ASKS);
    await applyHere(first);
    const before = machine.tree();
    let failed = 0;
    for (let n = 1; ; n++) {
      let code = 'none';
      const hit = await withoutRoom(n, async () => {
        try {
          await applyHere(second);
        } catch (error) {
          code = codeOf(error);
        }
      });
      if (!hit) break;
      // What comes after the marker is tidying, and what takes effect then: the files are in place.
      if (machine.read('etc/hostname') === 'second\n') {
        expect(['none', 'disk_full'], `write ${n}`).toContain(code);
        continue;
      }
      expect(code, `write ${n}`).toBe('disk_full');
      expect(machine.tree(), `write ${n}`).toEqual(before);
      failed++;
    }
    expect(failed).toBeGreaterThan(15);
    await applyHere(second);
    expect(machine.read('etc/hostname')).toBe('second\n');
    expect(machine.tree()['etc/motd']).toBe('644 image\n');
    expect(machine.tree()['etc/systemd/system/other.service']).toBe('-> /dev/null');
  });

  it('is said in one line, and leaves every file as it was', async (context) => {
    if (!isRoot) return context.skip('only root can mount a small disk');
    const disk = machine.path('disk');
    fs.mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    try {
      const run = async (...args: string[]): Promise<Run> =>
        machine.start(
          [process.execPath, agentProgram()],
          [
            ...['--root', disk, '--site', machine.path('etc/coatcheck/site.json')],
            ...['--key', machine.path('etc/coatcheck/key'), '--state', machine.path('memory')],
            ...args,
          ],
        ).done;
      expect((await run('apply', frame('first', FIRST, 1))).code).toBe(0);
      const before = fs.readdirSync(disk, { recursive: true }).sort();
      const large = fileEntry('etc/hosts', 'x'.repeat(300_000));
      const result = await run('apply', frame('second', [...SECOND.slice(0, 1), large], 2));
      expect(result.code).toBe(EXIT.failed);
      expect(result.stderr).toMatch(/^coatcheck: .*the disk is full \[disk_full\]\n$/);
      expect(fs.readdirSync(disk, { recursive: true }).sort()).toEqual(before);
      expect(fs.readFileSync(join(disk, 'etc/hostname'), 'utf8')).toBe('first\n');
      const after = await run('apply', frame('third', SECOND, 3));
      expect(after.code).toBe(0);
      expect(fs.readFileSync(join(disk, 'etc/hostname'), 'utf8')).toBe('second\n');
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe('a file that the system will not have replaced', () => {
  it('leaves every other as it was, with its mode and what it was', async () => {
    const [first, second] = [frame('first', FIRST, 1), frame('second', SECOND, 2)];
    fs.symlinkSync('elsewhere', machine.path('etc/hosts'));
    await applyHere(first);
    const before = machine.tree();
    const { renameSync } = fs;
    for (const path of SECOND.map((file) => file.path)) {
      const refuse: typeof renameSync = (from, to) => {
        const name = path.slice(path.lastIndexOf('/') + 1);
        // As over a mount point. Not what takes the change back.
        if (String(to).endsWith(`/${name}`)) {
          throw Object.assign(new Error('busy'), { code: 'EBUSY' });
        }
        renameSync(from, to);
      };
      Object.assign(mutable, { renameSync: refuse });
      syncBuiltinESMExports();
      try {
        expect(await codeFrom(() => applyHere(second)), path).toBe('path_refused');
      } finally {
        Object.assign(mutable, { renameSync });
        syncBuiltinESMExports();
      }
      expect(machine.tree(), path).toEqual(before);
    }
    await applyHere(second);
    expect(machine.read('etc/hosts')).toBe('second\n');
  });
});

describe('a folder that is swapped for a link while files are written', () => {
  it('never lets a file out of the root', async () => {
    const outside = fs.mkdtempSync(join(machine.root, '..', 'outside-'));
    const folder = machine.path('etc/ssh');
    fs.mkdirSync(folder);
    // Two names that change places as fast as a shell can, in a process of its own.
    const swap = `
      const fs = require('node:fs');
      const [folder, outside] = process.argv.slice(1);
      const quietly = (act) => { try { act(); } catch {} };
      for (;;) {
        quietly(() => fs.renameSync(folder, folder + '.real'));
        quietly(() => fs.symlinkSync(outside, folder));
        quietly(() => fs.unlinkSync(folder));
        // Where the agent made the folder anew in between, there are two.
        quietly(() => fs.rmSync(folder, { recursive: true }));
        quietly(() => fs.renameSync(folder + '.real', folder));
      }`;
    const attacker = machine.start([process.execPath, '-e', swap], [folder, outside]);
    const outcomes = new Set<string>();
    const deadline = Date.now() + 60_000;
    // Long enough to have met both, however slowly the attacker starts.
    const enough = (round: number): boolean =>
      round > 200 && outcomes.has('applied') && outcomes.has('path_refused');
    for (let round = 1; !enough(round) && Date.now() < deadline; round++) {
      const text = `${round}\n`;
      const names = Array.from({ length: 2 }, (_, i) => `etc/ssh/sshd_config.d/${i}.conf`);
      const files = ['etc/ssh/sshd_config', ...names].map((path) => fileEntry(path, text));
      try {
        withRoot(machine.root, (root) =>
          applyFiles({ root, files, list: BUILT_IN_PATHS, owners: isRoot, about: ABOUT }),
        );
        outcomes.add('applied');
      } catch (error) {
        outcomes.add(codeOf(error));
      }
    }
    attacker.child.kill('SIGKILL');
    await attacker.done;
    expect(fs.readdirSync(outside)).toEqual([]);
    fs.rmdirSync(outside);
    expect([...outcomes]).toEqual(expect.arrayContaining(['applied', 'path_refused']));
  });
});
