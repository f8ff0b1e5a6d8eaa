import { expect, it, onTestFinished } from 'vitest';
import type { Site } from '../../protocol/site.ts';
import { describeWith } from '../support/components.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { until } from '../support/network.ts';
import { propose } from '../support/site.ts';
import { openScreen } from '../support/tmux.ts';
import type { Screen } from '../support/tmux.ts';

/** `coatcheck.unreachable=prompt`, in a real terminal, while the server is really absent. */

const ALLOWED = { unapprovedWhenUnreachable: true };
const QUESTION = 'What to do (wait, configure) [wait]:';

/** A machine whose server is down. */
async function switchOn(
  site: Partial<Site>,
  { approved }: { approved: boolean },
): Promise<{ lab: Lab; machine: Machine; screen: Screen }> {
  const lab = await startLab();
  const machine = makeMachine({ ...lab.site, ...site });
  onTestFinished(async () => {
    machine.remove();
    await lab.close();
  });
  machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
  machine.write('cmdline', 'stateless hostname=node1 coatcheck.unreachable=prompt\n');
  if (approved) {
    const { bytes, digest } = propose({
      ...{ keyset: lab.site.pinned.keyset, node: machine.identity },
      files: { 'etc/motd': 'approved\n' },
    });
    const hex = Buffer.from(digest).toString('hex');
    await lab.store.create(`pending/${machine.identity.id}/${hex}` as never, bytes);
    await lab.approve(machine.identity, hex);
  }
  await lab.stop();
  const agent = [process.execPath, agentProgram(), '--root', machine.root, 'start'];
  const line = ['--command-line', machine.path('cmdline'), '--no-network'];
  const screen = await openScreen([...agent, ...line], { rows: 40 });
  onTestFinished(() => screen.close());
  return { lab, machine, screen };
}

/** As `until`, for what takes a minute: it looks twice a second, until the test's own limit. */
async function eventually(screen: Screen, text: string, times = 1): Promise<void> {
  while (screen.text().split(text).length <= times) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const configured = (machine: Machine): string[] =>
  Object.keys(machine.tree()).filter((path) => path.startsWith('etc/'));

describeWith('terminal', 'a console at which somebody is asked while no server answers', () => {
  it.concurrent(
    'asks again after "wait", and asks no more once the server is back',
    async () => {
      const { lab, machine, screen } = await switchOn(ALLOWED, { approved: true });
      await eventually(screen, QUESTION);
      expect(screen.text()).toMatch(/^No server answers: [^]*ECONNREFUSED/m);
      expect(screen.text()).toContain('configure  by hand: UNAPPROVED, nobody has reviewed it');
      await screen.answer(QUESTION, 'wait');
      await eventually(screen, QUESTION, 2);
      expect(configured(machine)).toEqual([]);
      await lab.start();
      await eventually(screen, 'applied decision 1');
      expect(machine.read('etc/motd')).toBe('approved\n');
      expect(screen.text()).not.toContain('Host name');
    },
    300_000,
  );

  it.concurrent(
    'applies UNAPPROVED what is configured, and proposes it later',
    async () => {
      const { lab, machine, screen } = await switchOn(ALLOWED, { approved: false });
      await eventually(screen, QUESTION);
      await screen.answer(QUESTION, 'configure');
      await screen.answer('Host name [node1]:', 'byhand');
      expect(screen.text()).toContain('UNAPPROVED: what you answer is applied at once');
      for (const question of ['[link]:', '[dhcp]:', 'IPv6 [off]:', 'bond]:', 'Bond [none]:']) {
        await screen.answer(question, '');
      }
      const more = ['Name servers', 'Time servers', 'of root', 'of admin', 'over ssh', 'Keyboard'];
      for (const question of [...more, 'Engine', 'Log server', 'Swap [none]:']) {
        await screen.answer(question, '');
      }
      expect(configured(machine)).toEqual([]);
      await screen.answer('Send it?', 'yes');
      await screen.until('UNAPPROVED: what is applied now was decided by nobody but this machine');
      await until(() => machine.tree()['etc/hostname'] === '644 byhand\n');
      await lab.start();
      await eventually(screen, 'what runs here without approval is proposed');
      expect((await machine.json('status'))['applied']).toMatchObject({ seq: 0 });
      const { objects } = await lab.admin.list({ prefix: 'pending', node: machine.identity.id });
      expect(objects).toHaveLength(1);
    },
    300_000,
  );

  it.concurrent(
    'asks nothing where the pinned site does not allow it, and waits',
    async () => {
      const { lab, machine, screen } = await switchOn({}, { approved: true });
      await screen.until('site.json does not allow what nobody approved');
      await eventually(screen, 'waiting for 1 min');
      expect(screen.text()).not.toContain('What to do');
      expect(configured(machine)).toEqual([]);
      await lab.start();
      await eventually(screen, 'applied decision 1');
    },
    300_000,
  );
});
