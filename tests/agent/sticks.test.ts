import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatKeyFile, makeKeyFile } from '../../agent/identity/keys/key-file.ts';
import { makeUsbKey } from '../../agent/identity/keys/make-usb-key.ts';
import { readUsbKey } from '../../agent/identity/keys/usb.ts';
import { stickMemory } from '../../agent/identity/memory/stick.ts';
import type { DecisionMemory } from '../../agent/identity/memory/memory.ts';
import { usbMirror, withMirrors } from '../../agent/boot/mirrors.ts';
import type { Look } from '../../agent/boot/source.ts';
import { openNode } from '../../agent/boot/node.ts';
import type { Identity, NodeId } from '../../bundle/identity.ts';
import { nodeWords } from '../../bundle/words.ts';
import { codeOf, fail } from '../../protocol/errors.ts';
import { describeWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { format, mountsOf, plugIn } from '../support/disks.ts';
import type { Disk } from '../support/disks.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';
import { makeNode, makeSite } from '../support/site.ts';
import { codeFrom } from '../support/thrown.ts';

/** This kernel may have neither vfat nor iso9660: all but the driver is the same. */
const EXT4 = { ext4: 'noload' };
const seed = Uint8Array.from({ length: 32 }, (_, i) => i * i);
const keyText = formatKeyFile(seed);
const GIB = 2 ** 30;

let disks: Disk[];
const stick = (names: readonly string[], bytes?: number): Disk => {
  const disk = plugIn(names, bytes);
  disks.push(disk);
  return disk;
};
const errorOf = (act: () => unknown): Error => {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  return new Error('no error');
};
/** Nothing of ours stays mounted or lies around. */
const leftovers = (): string[] => [
  ...disks.flatMap(mountsOf),
  ...fs.readdirSync('/run').filter((name) => name.startsWith('coatcheck-stick-')),
];

describeWith('disks', 'sticks', () => {
  let before: string[];
  beforeEach(() => {
    disks = [];
    before = leftovers();
  });
  afterEach(() => {
    disks.splice(0).forEach((disk) => disk.remove());
  });

  describe('with a key', () => {
    const labelled = (fill: (folder: string) => void, bytes?: number): Disk => {
      const disk = stick(['data'], bytes);
      format(disk.partitions[0]!, 'COATCHECK', fill);
      return disk;
    };

    it('is read from its file, and gone from the tree at once', () => {
      const disk = labelled((folder) => fs.writeFileSync(join(folder, 'coatcheck.key'), keyText));
      expect(readUsbKey(EXT4)).toEqual(seed);
      expect(mountsOf(disk)).toEqual([]);
      expect(leftovers()).toEqual(before);
    });

    it('may carry copies of what is approved, verified as any other', async () => {
      const site = makeSite();
      const machine = makeMachine(site.site);
      const said: string[] = [];
      const console = {
        note: (line: string) => void said.push(line),
        progress: () => undefined,
        part: () => undefined,
        result: () => undefined,
      };
      const node = openNode(
        { root: machine.root, site: machine.path('etc/coatcheck/site.json') },
        console,
        () => 2e9,
      );
      const copyOf = (of: Identity, to = node.identity.id): void => {
        const disk = labelled((folder) => {
          fs.mkdirSync(join(folder, 'approved'));
          const frame = approvedFrame(site, of, [fileEntry('etc/motd', 'hello\n')]);
          fs.writeFileSync(join(folder, 'approved', to), frame);
        });
        expect(mountsOf(disk)).toEqual([]);
      };
      const failed: Look = { state: 'failed', error: fail('server_unreachable', 'gone') };
      const away = (): Promise<Look> => Promise.resolve(failed);
      const looking = withMirrors({ inForce: away, rejection: away }, node, [
        usbMirror(node, EXT4),
      ]);
      copyOf(makeNode('other'));
      expect(await looking.inForce()).toBe(failed);
      expect(said.at(-1)).toContain('[not_this_node]');
      disks.splice(0).forEach((disk) => disk.remove());
      copyOf(machine.identity);
      expect(await looking.inForce()).toMatchObject({ state: 'found' });
      expect(said.at(-1)).toContain('taking decision 1 from usb');
      expect(leftovers().filter((name) => name.startsWith('coatcheck-stick-'))).toEqual([]);
      machine.remove();
    });

    it.each<[string, string, (folder: string, key: string) => void]>([
      ['no file', 'file_missing', () => undefined],
      [
        'a link',
        'path_refused',
        (folder, key) => {
          fs.writeFileSync(join(folder, 'real'), keyText);
          fs.symlinkSync('real', key);
        },
      ],
      ['a link out of it', 'path_refused', (_, key) => fs.symlinkSync('/etc/shadow', key)],
      ['a FIFO', 'path_refused', (_, key) => execFileSync('mkfifo', [key])],
      ['a device', 'file_denied', (_, key) => execFileSync('mknod', [key, 'c', '1', '5'])],
      ['a folder', 'path_refused', (_, key) => fs.mkdirSync(key)],
      [
        'a file of 2 GiB',
        'too_large',
        (_, key) => {
          fs.writeFileSync(key, keyText);
          fs.truncateSync(key, 2 * GIB);
        },
      ],
      [
        'a file of 1,025 bytes',
        'too_large',
        (_, key) => fs.writeFileSync(key, keyText.padEnd(1025)),
      ],
      [
        'a damaged key',
        'file_malformed',
        (_, key) => fs.writeFileSync(key, keyText.replace('s', 'z')),
      ],
      [
        'a key of zeros',
        'weak_secret',
        (_, key) => fs.writeFileSync(key, formatKeyFile(new Uint8Array(32))),
      ],
      [
        'the key of an image',
        'file_malformed',
        (_, key) => fs.writeFileSync(key, formatKeyFile(seed, 'image-key')),
      ],
    ])('is refused with %s in place of the key, and not left mounted', (_, code, fill) => {
      labelled((folder) => fill(folder, join(folder, 'coatcheck.key')));
      expect(codeFrom(() => readUsbKey(EXT4))).toBe(code);
      expect(leftovers()).toEqual(before);
    });

    it('is refused with a filesystem that is none of sticks, and is not even mounted', () => {
      labelled((folder) => fs.writeFileSync(join(folder, 'coatcheck.key'), keyText));
      const error = errorOf(() => readUsbKey());
      expect(codeOf(error)).toBe('file_unsafe');
      expect(error.message).toContain('ext4; only vfat and iso9660 are read');
    });

    it('is missed, and two are refused by name, whatever they hold', () => {
      expect(codeFrom(() => readUsbKey())).toBe('device_missing');
      const first = stick(['COATCHECK']);
      makeUsbKey(first.partitions[0]!, { erase: false });
      const second = labelled(() => undefined);
      const error = errorOf(() => readUsbKey(EXT4));
      expect(codeOf(error)).toBe('file_unsafe');
      for (const { partitions } of [first, second]) expect(error.message).toContain(partitions[0]);
    });
  });

  describe('without a filesystem', () => {
    it('get a key that is read again', () => {
      const [partition] = stick(['COATCHECK', 'other']).partitions;
      const made = makeUsbKey(partition!, { erase: false });
      expect(readUsbKey()).toEqual(made);
      expect(codeFrom(() => makeUsbKey(partition!, { erase: false }))).toBe('file_exists');
      expect(readUsbKey()).toEqual(made);
      expect(makeUsbKey(partition!, { erase: true })).not.toEqual(made);
      expect(readUsbKey()).not.toEqual(made);
    });

    it('get a key by the command, which says whose it is, and then are that machine', async () => {
      const [partition] = stick(['COATCHECK']).partitions;
      const machine = makeMachine(makeSite().site);
      const make = ['key', 'make', 'usb', partition!];
      const made = await machine.json(...make);
      expect(made['words']).toBe(nodeWords(made['node'] as NodeId));
      expect(await machine.json('--key', 'usb', 'id')).toMatchObject({
        ...{ node: made['node'], words: made['words'], keySource: 'usb' },
      });
      expect((await machine.run(...make)).stderr).toMatch(/holds a key already.*\[file_exists\]/);
      expect((await machine.json(...make, '--erase'))['node']).not.toBe(made['node']);
      machine.remove();
    });

    it('get none where the partition has another name, a filesystem, or something else in it', () => {
      const [ours, named, formatted] = stick(['COATCHECK', 'other', 'COATCHECK']).partitions;
      format(formatted!, 'anything', () => undefined);
      fs.writeFileSync(ours!, 'what somebody needs', { flag: 'r+' });
      const tried = [ours!, named!, formatted!].map((path) => [
        codeFrom(() => makeUsbKey(path, { erase: false })),
        codeFrom(() => makeUsbKey(path, { erase: path !== ours })),
      ]);
      expect(tried).toEqual([
        ['file_exists', 'file_exists'],
        ['file_unsafe', 'file_unsafe'],
        ['file_unsafe', 'file_unsafe'],
      ]);
      expect(codeFrom(() => makeUsbKey(join('/run', 'no-such-device'), { erase: true }))).toBe(
        'file_missing',
      );
    });

    it('get none where it is a file', () => {
      const path = join('/run', `coatcheck-test-${process.pid}`);
      makeKeyFile(path);
      expect(codeFrom(() => makeUsbKey(path, { erase: true }))).toBe('file_unsafe');
      fs.rmSync(path);
    });

    it('are refused when they were never written', () => {
      stick(['COATCHECK']);
      expect(codeFrom(() => readUsbKey())).toBe('file_malformed');
    });
  });

  describe('with a memory', () => {
    const owner = { site: new Uint8Array(16).fill(5), node: 'a'.repeat(32) as NodeId };
    const other = { ...owner, node: 'b'.repeat(32) as NodeId };
    const memory = (seq: number): DecisionMemory => ({
      ...{ keysetVersion: 1, keysetDigest: new Uint8Array(32).fill(1) },
      ...{ seq, digest: new Uint8Array(32).fill(seq), issued: 1_790_000_000 },
    });
    /** Overwrites bytes of a partition. */
    const spoil = (path: string, at: number, length = 16): void => {
      const fd = fs.openSync(path, 'r+');
      fs.writeSync(fd, Buffer.alloc(length, 0xa5), 0, length, at);
      fs.fsyncSync(fd);
      fs.closeSync(fd);
    };

    it('keep what is newest, for each node apart, also beside a key', () => {
      const [key] = stick(['COATCHECK', 'COATCHECK-MEM', 'rest']).partitions;
      const made = makeUsbKey(key!, { erase: false });
      expect(stickMemory(owner).load()).toBeUndefined();
      stickMemory(owner).save(memory(2));
      stickMemory(other).save(memory(9));
      stickMemory(owner).save(memory(1));
      expect(stickMemory(owner).load()).toEqual(memory(2));
      stickMemory(owner).save(memory(3));
      expect(stickMemory(owner).load()).toEqual(memory(3));
      expect(stickMemory(other).load()).toEqual(memory(9));
      expect(readUsbKey()).toEqual(made);
    });

    it.each([
      ['the first copy', 0],
      ['the second copy', 512],
    ])('survive that %s is torn', (_, at) => {
      const [partition] = stick(['COATCHECK-MEM']).partitions;
      stickMemory(owner).save(memory(2));
      spoil(partition!, at);
      expect(stickMemory(owner).load()).toEqual(memory(2));
      stickMemory(owner).save(memory(3));
      spoil(partition!, at);
      expect(stickMemory(owner).load()).toEqual(memory(3));
    });

    it('do not take a damaged memory for a missing one, nor a first one that was never whole', () => {
      const [partition] = stick(['COATCHECK-MEM']).partitions;
      spoil(partition!, 0); // the power went while the very first copy was written
      expect(stickMemory(owner).load()).toBeUndefined();
      stickMemory(owner).save(memory(2));
      spoil(partition!, 0);
      spoil(partition!, 512);
      for (const act of [
        () => stickMemory(owner).load(),
        () => stickMemory(owner).save(memory(3)),
        () => stickMemory(other).load(),
      ]) {
        expect(codeFrom(act)).toBe('file_malformed');
      }
    });

    it('are missed, refused with a filesystem, and refused in pairs', () => {
      expect(codeFrom(() => stickMemory(owner).load())).toBe('device_missing');
      const first = stick(['COATCHECK-MEM']);
      stick(['COATCHECK-MEM']);
      const error = errorOf(() => stickMemory(owner).load());
      expect(codeOf(error)).toBe('file_unsafe');
      expect(error.message).toContain(first.partitions[0]);
      disks.pop()!.remove();
      format(first.partitions[0]!, 'x', () => undefined);
      expect(codeFrom(() => stickMemory(owner).load())).toBe('file_unsafe');
    });

    it('have a machine refuse an older decision after the power was off, and stop without them', async () => {
      const site = makeSite();
      const disk = stick(['COATCHECK-MEM']);
      const first = makeMachine(site.site);
      const file = join(first.root, 'decision');
      const apply = (machine: Machine, seq: number): Promise<Run> => {
        const files = [fileEntry('etc/motd', `${seq}\n`)];
        fs.writeFileSync(file, approvedFrame(site, first.identity, files, seq));
        return machine.run('--memory', 'stick', 'apply', file);
      };
      expect((await apply(first, 2)).code).toBe(0);
      const second = first.reboot();
      expect((await apply(second, 1)).stderr).toMatch(/\[rollback_refused\]\n$/);
      expect((await apply(second, 3)).code).toBe(0);
      disks.splice(0);
      disk.remove();
      const third = first.reboot();
      expect((await apply(third, 4)).stderr).toMatch(/COATCHECK-MEM.*\[device_missing\]\n$/);
      expect(third.tree()).not.toHaveProperty('etc/motd');
      for (const machine of [first, second, third]) machine.remove();
    });

    it('hold 64 nodes, and say when they are full', () => {
      stick(['COATCHECK-MEM']);
      const node = (i: number): typeof owner => {
        const digits = [16 + (i >> 3), 16 + (i & 7)].map((v) => 'abcdefghijklmnopqrstuvwxyz'[v]);
        return { ...owner, node: `${digits.join('')}${'a'.repeat(30)}` as NodeId };
      };
      for (let i = 0; i < 64; i++) stickMemory(node(i)).save(memory(i + 1));
      expect(stickMemory(node(63)).load()).toEqual(memory(64));
      expect(codeFrom(() => stickMemory(owner).save(memory(1)))).toBe('disk_full');
    });
  });
});
