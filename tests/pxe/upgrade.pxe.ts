import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../image/build.ts';
import { readOptions } from '../../image/options.ts';
import { testImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

const OURS = '/etc/systemd/network/90-ours.network';
const GROUP = `stat --format=%G:%g ${OURS}`;

/** A program that changes the root of an image: numbers of a system group, and a default. */
const HOOK = `#!/bin/sh
set -e
chroot "$1" groupmod --gid 4242 systemd-network
echo 'the default of image two' > "$1/etc/motd"
`;

describe('12: a second image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'second-image-'));
  let rack: Rack | undefined;
  beforeAll(async () => {
    const image = await testImage((line) => process.stderr.write(`${line}\n`));
    writeFileSync(join(folder, 'hook'), HOOK, { mode: 0o755 });
    const args = ['--hook', join(folder, 'hook'), '--version', 'two', '--no-iso'];
    const options = readOptions(
      [...image.args, ...args, '--out', join(folder, 'image')],
      {},
      image.date,
    );
    await buildImage(options!, () => undefined);
    rack = await openRack('upgrade', { store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it('brings its defaults and numbers; the bundle, its files and owners by name', async () => {
    const { coatcheck, boot, proposal, report, served } = rack!;
    const first = await boot(12);
    const { node } = await proposal();
    await coatcheck('approve', node, '--yes');
    await report(node);
    // A file of the site's, that a system group may read.
    await first.ssh(`printf '[Match]\\nName=none\\n' > ${OURS}`);
    await first.ssh(`chown root:systemd-network ${OURS} && chmod 640 ${OURS}`);
    await first.ssh(`coatcheck-agent --key image propose --add ${OURS}`);
    const before = await first.ssh(GROUP);
    expect(before).toMatch(/^systemd-network:/);
    await coatcheck('approve', (await proposal()).node, '--yes');
    await first.stop();

    for (const name of ['vmlinuz', 'initrd.img']) {
      served.set(name, readFileSync(join(folder, 'image', name)));
    }
    const second = await boot(12);
    await second.line(/applied decision 2/);
    expect(await second.ssh(GROUP)).toBe('systemd-network:4242\n');
    expect(before).not.toBe('systemd-network:4242\n');
    expect(await second.ssh('cat /etc/motd')).toBe('the default of image two\n');
    expect(await second.ssh('. /etc/os-release; echo $IMAGE_ID $IMAGE_VERSION')).toBe(
      'coatcheck two\n',
    );
    await report(node);
    await second.stop();
  });
});
