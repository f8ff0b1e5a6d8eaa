import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signedImage } from '../pxe/image.ts';
import { openRack } from '../pxe/lab.ts';
import type { Machine, Rack, Shown } from '../pxe/lab.ts';
import { makeBoundImage } from './bound-image.ts';
import type { BoundImage } from './bound-image.ts';
import { unfolded, withChip } from './chip.ts';
import { disc, enrol, secureFirmware } from './firmware.ts';
import { withoutDbx } from './lists.ts';

/** Of QEMU's serial number of the machine. */
const MACHINE = 46;
/** Shows what the configuration brought. */
const MOTD = { text: '#!/bin/sh\ncat /etc/motd\n', mode: 0o755 };
const HAS_IT = /ready\.d\/motd: of gx1$/;

describe('another PCR key', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'rotation-'));
  const at = (...names: string[]): string => join(folder, ...names);
  let rack: Rack;
  let before: BoundImage;
  let old: string;
  let node: string;
  beforeAll(async () => {
    rack = await openRack('rotation', { image: signedImage, store: 'folder' });
    await enrol(rack.home, at('enrolled.fd'));
    await withoutDbx(at('enrolled.fd'));
    before = await makeImage('before');
  });
  afterAll(async () => {
    await (rack as Rack | undefined)?.close();
    fs.rmSync(folder, { recursive: true });
  });

  /** Of the site as it is now. */
  const makeImage = (name: string): Promise<BoundImage> =>
    makeBoundImage(rack.home, folder, name, {
      append: 'hostname=gx1',
      files: { 'etc/coatcheck/ready.d/motd': MOTD },
    });
  const boot = ({ iso }: BoundImage, use: (machine: Machine) => Promise<void>): Promise<void> =>
    withChip(at('chip'), async (board) => {
      fs.copyFileSync(at('enrolled.fd'), at('variables.fd'));
      const args = [...secureFirmware(at('variables.fd')), ...disc(iso), ...board.args];
      const machine = await rack.boot(MACHINE, { append: '', local: true, args });
      await use(machine);
      await machine.stop();
    });
  /** By how many keys an image opens what a TPM has for it. */
  async function keysOf({ signed }: BoundImage): Promise<number> {
    const policy = await rack.coatcheck<{ firmware: { keys: string[] }[] }>(
      'image',
      'policy',
      signed,
    );
    return policy.firmware[0]!.keys.length;
  }
  const endRotation = (): Promise<unknown> => rack.coatcheck('image', 'keys', '--end-rotation');
  const paths = async (of: string): Promise<string[]> =>
    (await rack.coatcheck<Shown>('show', of)).bundle!.files.map(({ path }) => path);

  it('takes a machine to its new key with what it had, once an administrator says so', async () => {
    fs.writeFileSync(at('motd'), 'of gx1\n');
    await boot(before, async (machine) => {
      ({ node: old } = await rack.proposal());
      await machine.whilePaused(async () => {
        await rack.coatcheck('approve', old, '--yes');
        await rack.coatcheck('put', at('motd'), old, '--to', 'etc/motd', '--yes');
      });
      await machine.line(/applied decision 2/);
      await machine.line(HAS_IT);
      await rack.report(old);
    });

    await rack.coatcheck('image', 'keys', '--rotate', '--no-passphrase');
    const both = await makeImage('both');
    expect(await keysOf(both)).toBe(2);
    await expect(endRotation()).rejects.toThrow(
      /1 machine has a configuration in force by the key before: gx1\b/,
    );
    await boot(both, async (machine) => {
      ({ node } = await rack.proposal());
      expect(node).not.toBe(old);
      await machine.line(new RegExp(`it was machine ${old}`));
      expect(machine.said()).not.toMatch(/applied decision/);
      const { pending } = await rack.coatcheck<{ pending: object[] }>('pending');
      expect(pending).toMatchObject([{ node, succeeds: { node: old, isProven: true } }]);
      const had = await paths(old);
      await rack.coatcheck('transfer', '--successors', '--yes', '--expect', '1');
      await machine.line(/applied decision \d/);
      await machine.line(HAS_IT);
      await rack.report(node);
      expect(await paths(node)).toEqual(had);
    });
  });

  it('leaves nothing to the image from before it', async () => {
    await boot(before, async (machine) => {
      await machine.line(/\[revoked\]/);
      expect(unfolded(machine)).toMatch(/this machine was revoked/);
      expect(machine.said()).not.toMatch(/applied decision|motd: of gx1/);
    });
  });

  it('is the only one in the end, and its image is the same machine', async () => {
    await endRotation();
    const after = await makeImage('after');
    expect(await keysOf(after)).toBe(1);
    await boot(after, async (machine) => {
      await machine.line(/applied decision \d/);
      await machine.line(HAS_IT);
      await rack.report(node);
      expect(unfolded(machine)).not.toMatch(/it was machine|cannot show which one it was/);
    });
  });
});
