import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeDisc } from '../../cli/image/sign-image.ts';
import { startGuest } from '../pxe/guest.ts';
import type { Guest } from '../pxe/guest.ts';
import { signedImage } from '../pxe/image.ts';
import type { TestImage } from '../pxe/image.ts';
import { cli, must } from '../pxe/programs.ts';
import { disc, enrol, secureFirmware } from './firmware.ts';
import { signSmall } from './parts.ts';

/** What the firmware says of a program that it does not start. */
const REFUSED = /BdsDxe: failed to load Boot\d+ .*: Access Denied/;
const STARTED = /Linux version/;

describe('a firmware with our keys alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tampered-'));
  const at = (name: string): string => join(folder, name);
  const logs = join('test-results', 'trust');
  let home: string;
  let guest: Guest | undefined;
  let signed: Buffer;
  let image: TestImage;
  beforeAll(async () => {
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    image = await signedImage(say);
    home = image.home;
    mkdirSync(logs, { recursive: true });
    await enrol(home, at('enrolled.fd'));
    // Its kernel alone, since the firmware reads every byte: it finds no root, which is enough to have started.
    writeFileSync(at('initrd'), 'no archive\n');
    await signSmall(image, folder, at('initrd'));
    signed = readFileSync(at('signed.efi'));
  });
  afterEach(() => guest?.stop());
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Switches a machine on with a program on a disc, and nothing else to boot from. */
  async function boot(program: string, enrolled = at('enrolled.fd')): Promise<Guest> {
    const [iso, variables, log] = [at('iso'), at('variables.fd'), join(logs, 'tampered.log')];
    rmSync(iso, { force: true });
    await makeDisc(program, iso, folder);
    copyFileSync(enrolled, variables);
    const args = [...secureFirmware(variables), ...disc(iso)];
    const uuid = '6f0d0c1e-5a3b-4c2d-8e1f-000000000098';
    guest = startGuest({ inside: [], args, uuid, log });
    return guest;
  }

  /** Where a section lies in the signed file: offset and size. */
  function section(name: string): { offset: number; size: number } {
    const listed = execFileSync('objdump', ['-h', at('unsigned.efi')], { encoding: 'utf8' });
    const line = new RegExp(`\\${name} +(\\w+) +\\w+ +\\w+ +(\\w+)`).exec(listed)!;
    return { size: parseInt(line[1]!, 16), offset: parseInt(line[2]!, 16) };
  }
  /** One bit in the middle of a section. */
  const inside = (name: string) => (): number => {
    const { offset, size } = section(name);
    return offset + Math.floor(size / 2);
  };

  it('starts what they signed', async () => {
    await (await boot(at('signed.efi'))).line(STARTED);
  });

  it.each<[string, () => number]>([
    ['the kernel', inside('.linux')],
    ['the initramfs', () => section('.initrd').offset],
    ['the command line', inside('.cmdline')],
    // At the end of the file, but for what fills it up.
    ['the signature', () => signed.length - 64],
  ])('refuses it with one bit of %s flipped', async (_, where) => {
    const changed = Buffer.from(signed);
    changed[where()]! ^= 1;
    writeFileSync(at('changed.efi'), changed);
    await refuses(await boot(at('changed.efi')));
  });

  it('refuses what nobody signed', async () => {
    await refuses(await boot(at('unsigned.efi')));
  });

  it('refuses what others signed', async () => {
    const other = at('other');
    await cli('coatcheck', ['--home', other, 'init', '--no-passphrase']);
    await cli('coatcheck', ['--home', other, 'image', 'keys', '--no-passphrase']);
    mkdirSync(at('theirs'));
    const { signed: theirs } = await signSmall(
      { ...image, home: other },
      at('theirs'),
      at('initrd'),
    );
    await refuses(await boot(theirs));
  });

  it('refuses what its dbx names', async () => {
    const hashed = await must(['hash-to-efi-sig-list', at('signed.efi'), at('hash.esl')]);
    const [, refused] = /HASH IS (\w{64})/i.exec(hashed)!;
    await enrol(home, at('revoked.fd'), { refused: refused! });
    await refuses(await boot(at('signed.efi'), at('revoked.fd')));
  });

  async function refuses(machine: Guest): Promise<void> {
    await machine.line(REFUSED);
    await machine.line(/No bootable option or device was found/);
    expect(machine.said()).not.toMatch(STARTED);
  }
});
