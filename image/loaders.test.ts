import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { withTemporaryFolder } from '../tests/support/temporary-folder.ts';
import { takeLoaders } from './loaders.ts';

let debian: string;
let image: string;
withTemporaryFolder('loaders', (folder) => {
  debian = join(folder, 'debian');
  image = join(folder, 'image');
  mkdirSync(image);
  for (const file of [
    'usr/lib/PXELINUX/lpxelinux.0',
    'usr/lib/syslinux/modules/bios/ldlinux.c32',
    'usr/lib/ipxe/ipxe.efi',
    'usr/lib/ipxe/snponly.efi',
  ]) {
    mkdirSync(dirname(join(debian, file)), { recursive: true });
    writeFileSync(join(debian, file), file);
  }
});

it('an image has beside it whatever the boot server tells firmware to start', async () => {
  const taken = await takeLoaders(debian, image, () => undefined);
  expect(readdirSync(image).sort()).toEqual([...taken].sort());
  for (const conf of ['dnsmasq.conf', 'dnsmasq-proxy.conf']) {
    const said = readFileSync(`image/boot-server/${conf}`, 'utf8');
    const started = [...said.matchAll(/^(?:dhcp-boot|pxe-service)=.*[,/]([\w.-]+)$/gm)].map(
      ([, name]) => name,
    );
    expect(started.length).toBeGreaterThan(3);
    for (const name of started) expect([...taken, 'boot.ipxe']).toContain(name);
  }
  // It fetches this one by itself.
  expect(taken).toContain('ldlinux.c32');
});

it('goes without a boot loader that is not installed, and says whose package it is', async () => {
  rmSync(join(debian, 'usr/lib/PXELINUX'), { recursive: true });
  rmSync(join(debian, 'usr/lib/ipxe'), { recursive: true });
  const said: string[] = [];
  expect(await takeLoaders(debian, image, (line) => said.push(line))).toEqual(['ldlinux.c32']);
  expect(said).toEqual([
    expect.stringMatching(/lpxelinux\.0.*BIOS.*apt-get install pxelinux/),
    expect.stringMatching(/ipxe\.efi.*UEFI.*apt-get install ipxe/),
    expect.stringMatching(/snponly\.efi.*UEFI.*apt-get install ipxe/),
  ]);
});
