import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inside, withDebian } from './their-image.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const UNITS =
  'coatcheck-agent.service coatcheck-refresh.service coatcheck-refresh.timer coatcheck-failed.service coatcheck-ready.target coatcheck-boot.target';

it("the agent's package installs, is enabled, does nothing unasked, and goes without a trace", async () => {
  await withDebian(say, async (root) => {
    expect(await inside(root, 'coatcheck-agent --version')).toMatch(/^\d+\.\d+\.\d+/);
    expect(await readdir(join(root, 'etc/coatcheck'))).toEqual([]);
    const enabled = 'systemctl is-enabled coatcheck-agent.service coatcheck-refresh.timer';
    expect(await inside(root, enabled)).toBe('enabled\nenabled\n');
    expect(await inside(root, `systemd-analyze verify --man=no ${UNITS} 2>&1`)).toBe('');
    // Both ways into an initramfs are there, and neither is taken before somebody says so.
    await inside(root, 'mkinitramfs -o /made.img $(ls /usr/lib/modules)');
    expect(await inside(root, 'lsinitramfs /made.img')).not.toMatch(/coatcheck-agent|libnode/);
    await inside(root, 'dracut --no-hostonly --force /made.img $(ls /usr/lib/modules)');
    expect(await inside(root, 'lsinitrd /made.img')).not.toMatch(/coatcheck-agent|libnode/);
    // Where somebody does, and there is no site: what is missing is named, and no initramfs is made.
    await inside(root, 'rm /made.img; echo COATCHECK=y > /etc/initramfs-tools/conf.d/coatcheck');
    const made = inside(root, 'mkinitramfs -o /made.img $(ls /usr/lib/modules)');
    await expect(made).rejects.toThrow('/etc/coatcheck/site.json is missing');

    await inside(root, 'apt-get install --yes --reinstall /agent.deb');
    await inside(root, 'apt-get purge --yes coatcheck-agent && rm /agent.deb');
    expect(existsSync(join(root, 'etc/coatcheck'))).toBe(false);
    const find = `find / -xdev -name '*coatcheck*' -not -path '/var/log/*' -not -path /etc/initramfs-tools/conf.d/coatcheck`;
    expect(await inside(root, find)).toBe('');
  });
});
