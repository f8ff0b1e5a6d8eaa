import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';

const SCRIPT = 'image/busybox-root/etc/init.d/drivers';

let folder: string;
withTemporaryFolder('drivers', (made) => (folder = made));

const device = (path: string, modalias: string): void => {
  mkdirSync(join(folder, 'sys/devices', path), { recursive: true });
  writeFileSync(join(folder, 'sys/devices', path, 'modalias'), `${modalias}\n`);
};

/** Runs the script with this in the place of modprobe: what that was called with, one call a line. */
function driversBy(modprobe: string): string[] {
  for (const name of ['run', 'usr/sbin']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'usr/sbin/modprobe'), modprobe, { mode: 0o755 });
  const script = readFileSync(SCRIPT, 'utf8').replace(/\/(?=run|sys|usr)/g, `${folder}/`);
  const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(readdirSync(join(folder, 'run'))).toEqual([]);
  return readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n');
}

it('a small machine tries the drivers of each device once, also of what a bus shows later', () => {
  device('pci0', 'pci:host');
  device('pci0/card', 'pci:card');
  device('pci0/other', 'pci:card');
  // The bus of the host has a stick on it once its driver is there, and a disk after that.
  const modprobe = `#!/bin/sh
echo "$*" >> ${folder}/log
shows() { mkdir ${folder}/sys/devices/$1; echo $2 > ${folder}/sys/devices/$1/modalias; }
case "$*" in
  *pci:host*) shows usb usb:stick ;;
  *usb:stick*) shows disk scsi:disk ;;
esac
`;
  expect(driversBy(modprobe)).toEqual([
    '-a -q pci:card pci:host',
    '-a -q usb:stick',
    '-a -q scsi:disk',
  ]);
});

it('takes what firmware calls a machine as it is: a quote in it ends nothing', () => {
  device('dmi', `dmi:bvn15"x:svnJoe's`);
  device('bus', 'platform:Fixed MDIO bus');
  const modprobe = `#!/bin/sh\nshift 2; printf '<%s>' "$@" >> ${folder}/log; echo >> ${folder}/log\n`;
  expect(driversBy(modprobe)).toEqual([`<dmi:bvn15"x:svnJoe's><platform:Fixed MDIO bus>`]);
});
