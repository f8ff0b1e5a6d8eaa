import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack, Shown } from './lab.ts';

/** What the boot server knows iPXE by, which QEMU's card has: without it that is a card with PXE alone. */
const IPXE = /^dhcp-(match|userclass)=set:ipxe,.*$/gm;

describe('BIOS without iPXE', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pxelinux-'));
  const bootServer = join(folder, 'dnsmasq.conf');
  let rack: Rack | undefined;
  beforeAll(async () => {
    const conf = readFileSync('image/boot-server/dnsmasq.conf', 'utf8');
    writeFileSync(bootServer, conf.replace(IPXE, ''));
    rack = await openRack('pxelinux', { store: 'folder', bootServer });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it('boots by lpxelinux, which says over which card', async () => {
    const machine = await rack!.boot(17);
    // It says nothing on a serial line, but to the kernel what it booted.
    await machine.line(/Command line: BOOT_IMAGE=vmlinuz .* BOOTIF=01-52-54-00-77-00-17/);
    const waiting = await rack!.proposal();
    const { bundle } = await rack!.coatcheck<Shown>('show', waiting.digest);
    expect(bundle!.files.map(({ path }) => path)).toContain(
      'etc/systemd/network/05-coatcheck-address.network',
    );
    await machine.stop();
  });
});
