import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEventLog } from '../../agent/identity/tpm/event-log.ts';
import { toHex } from '../../bundle/index.ts';
import { replayed } from '../../protocol/measured-events.ts';
import { startChip } from '../pxe/devices.ts';
import type { Chip } from '../pxe/devices.ts';
import { signedSystemdImage } from '../pxe/image.ts';
import { openRack } from '../pxe/lab.ts';
import type { Rack } from '../pxe/lab.ts';
import { cli } from '../pxe/programs.ts';
import { disc, enrol, secureFirmware } from './firmware.ts';

/** What PID 1 would take from a hypervisor: a unit, a file, a password of root (systemd.system-credentials(7)). */
const UNIT = Buffer.from('[Service]\nExecStart=touch /run/foreign\n').toString('base64');
const CREDENTIALS = [
  `io.systemd.credential.binary:systemd.extra-unit.foreign.service=${UNIT}`,
  'io.systemd.credential:passwd.plaintext-password.root=foreign',
].flatMap((value) => ['-smbios', `type=11,value=${value}`]);

describe('a signed image with systemd, under Secure Boot with our keys alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'systemd-'));
  const variables = join(folder, 'variables.fd');
  let rack: Rack | undefined;
  let chip: Chip | undefined;
  let [iso, efi] = ['', ''];
  beforeAll(async () => {
    const image = await signedSystemdImage((line) => process.stderr.write(`${line}\n`));
    [iso, efi] = ['iso', 'efi'].map((ending) => join(image.folder, `coatcheck.${ending}`)) as [
      string,
      string,
    ];
    await enrol(image.home, join(folder, 'enrolled.fd'));
    rack = await openRack('signed-systemd', { image: signedSystemdImage, store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    await chip?.stop();
    rmSync(folder, { recursive: true });
  });

  it('gets its configuration, takes no credential of a hypervisor, and measures nothing of its own', async () => {
    copyFileSync(join(folder, 'enrolled.fd'), variables);
    mkdirSync(join(folder, 'chip'));
    chip = await startChip(join(folder, 'chip'));
    const args = [...secureFirmware(variables), ...disc(iso), ...CREDENTIALS, ...chip.args];
    const boot = { append: '', args, local: true, memory: 2048 } as const;
    const machine = await rack!.boot(35, boot);
    await machine.line(/secureboot: Secure boot enabled/i);
    const { node } = await rack!.proposal();
    await rack!.coatcheck('approve', node, '--yes');
    await machine.line(/applied decision 1/);
    await rack!.report(node);
    const ready = 'systemctl is-active coatcheck-ready.target multi-user.target';
    expect(await machine.ssh(`${ready}; true`)).toBe('active\nactive\n');
    const taken = 'ls /run/foreign /run/credentials/@system /run/systemd/system/foreign.service';
    expect(await machine.ssh(`${taken} 2> /dev/null || true`)).toBe('');
    const shadow = await machine.ssh('getent shadow root');
    expect(shadow).toMatch(/^root:[*!]/);
    const policy = ['--home', rack!.home, '--json', 'image', 'policy', efi];
    const { firmware } = JSON.parse(await cli('coatcheck', policy)) as {
      firmware: [{ pcrs: Record<string, string> }];
    };
    const [{ pcrs }] = firmware;
    const names = ['11', '12', '13'].map((pcr) => `/sys/class/tpm/tpm0/pcr-sha256/${pcr}`);
    const held = (await machine.ssh(`cat ${names.join(' ')}`)).toLowerCase().trim().split('\n');
    expect(held).toEqual(['11', '12', '13'].map((pcr) => pcrs[pcr]));
    const log = await machine.ssh('base64 /sys/kernel/security/tpm0/binary_bios_measurements');
    const given = replayed(parseEventLog(Buffer.from(log, 'base64'))).map(toHex);
    expect(given.slice(1)).toEqual(held);
    await machine.stop();
  });
});
