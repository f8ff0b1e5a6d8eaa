import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Machine, Rack, Shown, Waiting } from './lab.ts';

/** What is said at the end of each stage of a boot; a first one fetches nothing. */
const STAGES = {
  'kernel runs': /Linux version/,
  'systemd runs': /Welcome to /,
  'agent starts': /Starting coatcheck-agent\.service/,
  'the agent speaks': /gets the configuration of this machine/,
  'the network is up': /^network: .*, gateway /,
  'configuration fetched': /^decision \d+ by /,
  'configuration in place': /applied decision \d/,
  login: /^Debian GNU\/Linux .* ttyS0/,
};

describe('1: first boot over PXE, 2: second boot', () => {
  let rack: Rack | undefined;
  let waiting: Waiting;
  beforeAll(async () => {
    rack = await openRack('first-boot');
  });
  afterAll(() => rack?.close());

  it('proposes what its command line says, and is ready once its words were approved', async () => {
    const machine = await rack!.boot(1);
    waiting = await rack!.proposal();
    const { bundle } = await rack!.coatcheck<Shown>('show', waiting.digest);
    // The image has the rest, and says so.
    expect(bundle!.files.map(({ path }) => path)).toEqual([
      'etc/ssh/ssh_host_ed25519_key',
      'etc/ssh/ssh_host_ed25519_key.pub',
      'etc/systemd/network/05-coatcheck-address.network',
    ]);
    await machine.line(new RegExp(waiting.words));
    expect(machine.said()).not.toMatch(/OpenBSD Secure Shell server|login:/);

    await rack!.coatcheck('approve', waiting.node, '--yes');
    expect((await rack!.report(waiting.node)).report!.result).toMatch(/^applied: /);
    expect(await machine.ssh(READY)).toBe('active\n');
    const known = await machine.ssh('cat /etc/ssh/ssh_host_ed25519_key.pub /etc/machine-id');
    expect(known).toContain('6f0d0c1e5a3b4c2d8e1f000000000001');
    expect(await machine.ssh('coatcheck-agent --key image status')).toContain('decision 1');
    const captured = JSON.parse(await machine.ssh('coatcheck-agent --json capture')) as {
      files: { path: string }[];
    };
    expect(captured.files.map(({ path }) => path)).toEqual(bundle!.files.map(({ path }) => path));
    record('first boot', machine);
    await machine.stop();
  });

  it('is ready at once the next time, and the same machine to whoever logs in', async () => {
    const machine = await rack!.boot(1);
    await machine.line(/applied decision 1/);
    expect(await machine.ssh(READY)).toBe('active\n');
    expect(machine.said()).not.toMatch(/waits for an administrator/);
    const { pending } = await rack!.coatcheck<{ pending: unknown[] }>('pending');
    expect(pending).toEqual([]);
    record('second boot', machine);
    await machine.stop();
  });
});

const READY =
  'until systemctl is-active multi-user.target; do sleep 1; done | tail -n 1; ! systemctl --failed --quiet | grep .';

/** A row for each stage: seconds after the power was switched on. */
function record(boot: string, machine: Machine): void {
  const rows = Object.entries(STAGES).flatMap(([stage, said]) => {
    const at = machine.at(said);
    return at === undefined ? [] : [`${boot}, seconds: ${at.toFixed(1).padStart(6)} ${stage}\n`];
  });
  process.stderr.write(rows.join(''));
}
