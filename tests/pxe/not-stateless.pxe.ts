import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

/** Of the image: nobody else gives this machine an address. */
const DHCP = '[Match]\nType=ether\n[Network]\nDHCP=yes\n';

describe('11: `stateless` is absent', () => {
  let rack: Rack | undefined;
  beforeAll(async () => {
    rack = await openRack('not-stateless', { store: 'folder' });
  });
  afterAll(() => rack?.close());

  it('nothing is touched, and nobody asked', async () => {
    const machine = await rack!.boot(11, {
      commandLine: 'root=ram coatcheck.key=image console=ttyS0,115200',
      files: { 'etc/systemd/network/90-image.network': DHCP },
    });
    await machine.prompt(/ login:$/);
    expect(await machine.ssh('systemctl is-active multi-user.target')).toBe('active\n');
    expect(await machine.ssh('systemctl is-active coatcheck-agent || true')).toBe('inactive\n');
    expect(await machine.ssh('coatcheck-agent start')).toContain('does not say stateless');
    expect(await machine.ssh('ls -A /var/lib/coatcheck 2> /dev/null || true')).toBe('');
    expect(await rack!.coatcheck('pending')).toMatchObject({ pending: [] });
    expect(await rack!.coatcheck('list')).toEqual({ nodes: [] });
    await machine.stop();
  });
});
