import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signedImage } from '../pxe/image.ts';
import { openRack } from '../pxe/lab.ts';
import type { Machine, Rack } from '../pxe/lab.ts';
import { cli } from '../pxe/programs.ts';
import { makeBoundImage } from './bound-image.ts';
import type { BoundImage } from './bound-image.ts';
import { AGENT, replaying } from './attack.ts';
import { unfolded, withChip } from './chip.ts';
import { disc, enrol, secureFirmware } from './firmware.ts';
import { withoutDbx } from './lists.ts';

/** Of QEMU's serial number of the machine. */
const MACHINE = 41;
/** What a machine says that got its key, in whatever state it is. */
const HAS_KEY = /its words|applied decision|waits for an administrator/;

/** Asks for the key again and again, from what `ready.d` starts: also after the agent is done. */
const SECOND_AGENT = `#!/bin/sh
(
  until coatcheck-agent --key tpm id 2>&1 | grep 'key_refused'; do sleep 2; done > /run/second 2>&1
  sed 's/^/second agent: /' /run/second > /dev/ttyS0
) < /dev/null > /dev/null 2>&1 &
`;

describe("a machine's key, for signed images alone", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'key-'));
  const at = (...names: string[]): string => join(folder, ...names);
  let rack: Rack | undefined;
  let image: BoundImage;
  beforeAll(async () => {
    rack = await openRack('key', { image: signedImage, store: 'folder' });
    await enrol(rack.home, at('enrolled.fd'));
    await withoutDbx(at('enrolled.fd'));
    const second = { text: SECOND_AGENT, mode: 0o755 };
    const files = { 'etc/coatcheck/ready.d/50-second': second };
    image = await makeBoundImage(rack.home, folder, 'first', { files });
  });
  afterAll(async () => {
    await rack?.close();
    fs.rmSync(folder, { recursive: true });
  });

  /** With the machine's own TPM, which keeps what it keeps. */
  const boot = (args: readonly string[], use: (machine: Machine) => Promise<void>): Promise<void> =>
    withChip(at('chip'), async (chip) => {
      const machine = await rack!.boot(MACHINE, {
        ...{ append: '', local: true },
        args: [...args, ...chip.args],
      });
      await use(machine);
      await machine.stop();
    });
  const secured = (iso: string): string[] => {
    fs.copyFileSync(at('enrolled.fd'), at('variables.fd'));
    return [...secureFirmware(at('variables.fd')), ...disc(iso)];
  };

  it('is there under Secure Boot, and out of reach of what comes later in the same boot', async () => {
    await boot(secured(image.iso), async (machine) => {
      await machine.line(HAS_KEY);
      const { node } = await rack!.proposal();
      await rack!.coatcheck('approve', node, '--yes');
      await machine.line(/applied decision 1/);
      await machine.line(/the TPM keeps this machine's key until it starts/);
      await machine.line(/second agent: .*\[key_refused\]/);
    });
  });

  it('is not there for a kernel without the stub that measures the same into PCR 11', async () => {
    const policy = ['--home', rack!.home, '--json', 'image', 'policy', image.signed];
    const { firmware } = JSON.parse(await cli('coatcheck', policy)) as {
      firmware: { pcrs: Record<string, string> }[];
    };
    await boot(await replaying(image, folder, AGENT), async (machine) => {
      const [, held] = await machine.line(/^PCR 11 is (\w+)/);
      expect(held!.toLowerCase()).toBe(firmware[0]!.pcrs['11']);
      await machine.line(/\[key_refused\]$/);
      expect(unfolded(machine)).toMatch(
        /nothing that the site signed is about PCR 7, 11, 12 and 13/,
      );
      expect(unfolded(machine)).not.toMatch(HAS_KEY);
    });
  });
});
