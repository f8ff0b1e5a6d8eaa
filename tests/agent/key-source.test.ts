// @module-tag long
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeKeyFile } from '../../agent/identity/keys/key-file.ts';
import { openDesk } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { describeWith } from '../support/components.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import type { Run } from '../support/run.ts';

/** Runs the rest of its words where sysfs has nothing but this SMBIOS UUID. */
const WITH_UUID =
  'mount -t tmpfs none /sys && mkdir -p /sys/class/dmi/id && echo "$0" > /sys/class/dmi/id/product_uuid && exec "$@"';

let desk: Desk;
let machine: Machine;

/** The agent on hardware with this UUID, with the key of its image. */
const onHardware = (uuid: string, ...args: string[]): Promise<Run> =>
  machine.start(
    ['unshare', '--mount', 'sh', '-c', WITH_UUID, uuid, process.execPath, agentProgram()],
    ['--root', machine.root, '--key', 'image', ...args],
  ).done;

describeWith('disks', 'the key of an image', () => {
  beforeAll(async () => {
    desk = await openDesk();
    machine = makeMachine({ ...desk.site, servers: [desk.url] });
    makeKeyFile(machine.path('etc/coatcheck/image-key'), 'image-key');
    machine.write('etc/hostname', 'web1\n');
  });
  afterAll(async () => {
    machine.remove();
    await desk.close();
  });

  const [ONE, TWO] = [
    '4c4c4544-0042-3510-8052-b3c04f4b4e32',
    '4c4c4544-0042-3510-8052-b3c04f4b4e33',
  ];

  it('makes another machine of each hardware, and the same of the same', async () => {
    const ids = [];
    for (const uuid of [ONE, TWO, ONE]) ids.push((await onHardware(uuid, 'id')).stdout.trim());
    expect(ids[0]).toMatch(/^[a-z2-7]{32}$/);
    expect(ids[2]).toBe(ids[0]);
    expect(ids[1]).not.toBe(ids[0]);
    const shared = await onHardware('03000200-0400-0500-0006-000700080009', 'id');
    expect(shared.stderr).toContain('nothing tells it from others');
    expect(shared.stderr).toMatch(/\[device_missing\]\n$/);
  });

  it('is a claim of the proposal, shown with what it is worth before it is approved', async () => {
    const node = (await onHardware(ONE, 'id')).stdout.trim();
    expect((await onHardware(ONE, 'propose')).stdout).toMatch(/^proposed /);
    const { pending } = await desk.json<{ pending: unknown[] }>('pending');
    expect(pending).toMatchObject([{ node, keySource: 'image', hostname: 'web1' }]);
    const { stdout, stderr } = await desk.run('approve', node, '--yes');
    expect(stdout).toMatch(/key from +image \(as the maker claims\)/);
    expect(stderr).toContain('whoever has the image has the key of every node');
  });
});
