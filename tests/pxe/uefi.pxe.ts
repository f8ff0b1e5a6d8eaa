import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { takeLoaders } from '../../image/loaders.ts';
import { makeVariables, uefi } from './devices.ts';
import { smallImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

/** UEFI looks for IPv6 for minutes, before and after. */
const IPV4_ALONE = ['-fw_cfg', 'name=opt/org.tianocore/IPv6Support,string=n'];

/** What the boot server tells UEFI that asks for a file by TFTP; without it that goes on to HTTP. */
const BY_TFTP = /^dhcp-boot=tag:efi,.*$/gm;
const CONF = readFileSync('image/boot-server/dnsmasq.conf', 'utf8');

describe('UEFI from the network', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uefi-'));
  const bootServer = join(folder, 'dnsmasq.conf');
  const variables = join(folder, 'OVMF_VARS_4M.fd');
  let rack: Rack | undefined;
  beforeAll(async () => {
    const loaders = await takeLoaders('/', folder, () => undefined);
    expect(loaders, 'apt-get install ipxe').toContain('ipxe.efi');
    makeVariables(variables);
  });
  afterEach(() => rack?.close());
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['TFTP', CONF, /sent \S+\/ipxe\.efi to /],
    ['HTTP', CONF.replace(BY_TFTP, ''), /vendor class: HTTPClient/],
  ])('is booted over %s, and says over which card', async (how, conf, proof) => {
    writeFileSync(bootServer, conf);
    const tftp = ['--enable-tftp', `--tftp-root=${folder}`, '--log-dhcp'];
    rack = await openRack(`uefi-${how}`, {
      ...{ image: smallImage, store: 'folder' },
      dnsmasq: [`--conf-file=${bootServer}`, ...tftp],
    });
    rack.served.set('ipxe.efi', readFileSync(join(folder, 'ipxe.efi')));
    const args = [...uefi(variables), ...IPV4_ALONE];
    const machine = await rack.boot(19, { args, bare: true });
    await machine.line(/Command line: .* BOOTIF=01-52-54-00-77-00-19/);
    await rack.proposal();
    expect(readFileSync(join(rack.network.folder, 'dnsmasq.log'), 'utf8')).toMatch(proof);
    await machine.stop();
  });
});
