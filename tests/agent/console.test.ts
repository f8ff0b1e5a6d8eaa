import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { nodeWords } from '../../bundle/words.ts';
import { describeWith } from '../support/components.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { openScreen } from '../support/tmux.ts';
import type { Screen } from '../support/tmux.ts';

/** The whole of a machine's console, in a real terminal, before a real server. */

let lab: Lab;
const clean: (() => void)[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterEach(() => clean.splice(0).forEach((act) => act()));
afterAll(() => lab.close());

/** A machine whose command line is not enough: it asks. */
function unconfigured(from?: Machine): Machine {
  const machine = from ?? makeMachine(lab.site);
  clean.push(() => machine.remove());
  machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
  machine.write('cmdline', 'stateless hostname=node1\n');
  return machine;
}

async function runs(machine: Machine, command: readonly string[]): Promise<Screen> {
  const agent = [process.execPath, agentProgram(), '--root', machine.root];
  const screen = await openScreen([...agent, ...command], { rows: 40 });
  clean.push(() => screen.close());
  return screen;
}
const starts = (machine: Machine): Promise<Screen> =>
  runs(machine, ['start', '--command-line', machine.path('cmdline'), '--no-network']);

/** Enter everywhere but at the host name, and at the end. */
async function answers(screen: Screen, hostname: string, password = ''): Promise<void> {
  await screen.answer('Host name [', hostname);
  const enters = ['[link]:', '[dhcp]:', 'IPv6 [off]:', 'bond]:', 'Bond [none]:'];
  for (const question of [...enters, 'Name servers', 'Time servers']) {
    await screen.answer(question, '');
  }
  await screen.answer('of root', password);
  if (password !== '') await screen.answer('The same again', password);
  const more = ['of admin', 'over ssh', 'Keyboard', 'Engine', 'Log server', 'Swap [none]:'];
  for (const question of more) await screen.answer(question, '');
}

async function waiting(machine: Machine): Promise<string[]> {
  const prefix = { prefix: 'pending', node: machine.identity.id } as const;
  const { objects } = await lab.admin.list(prefix);
  return objects.map(({ key }) => key.split('/').at(-1)!);
}

/** The digest that the console says it waits for, once it does. */
async function proposed(screen: Screen, before?: string): Promise<string> {
  for (;;) {
    await screen.until('waits for an administrator');
    const all = [...screen.text().matchAll(/approve\s+([0-9a-f]{64})/g)].map(
      ([, digest]) => digest!,
    );
    const newest = all.at(-1);
    if (newest !== undefined && newest !== before) return newest;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Answers every question, sends it, and is gone before anybody looks. @returns its digest */
async function sentAndLostPower(machine: Machine): Promise<string> {
  const screen = await starts(machine);
  await answers(screen, 'node1');
  await screen.answer('Send it?', 'yes');
  const digest = await proposed(screen);
  screen.close();
  clean.pop();
  return digest;
}

describeWith('terminal', 'the console of a machine without a configuration', () => {
  it('asks, waits, shows why it was refused, asks again, and applies what was approved', async () => {
    const machine = unconfigured();
    const screen = await starts(machine);
    await answers(screen, 'first', 'correct horse 7');
    await screen.until('Summary');
    expect(await waiting(machine)).toEqual([]);
    await screen.answer('Send it?', 'yes');
    const first = await proposed(screen);
    expect(await waiting(machine)).toEqual([first]);
    expect(screen.text()).toContain(`\n    ${nodeWords(machine.identity.id)}\n`);

    const reason = 'call it second\x1b[2J';
    await lab.decide(machine.identity, 'reject', { digest: first, reason });
    // Behind `reason: call it`, where the line is broken.
    await screen.until('second<U+001B>[2J [rejected]');
    await answers(screen, 'second');
    await screen.answer('Send it?', 'yes');
    const second = await proposed(screen, first);
    await lab.approve(machine.identity, second);
    await screen.until('applied decision 2');
    expect(machine.read('etc/hostname')).toBe('second\n');
    expect(screen.text()).toContain('Host name [first]:');
    expect(screen.text()).toContain('Password of root [as it is]:');
    expect(screen.sent()).not.toContain('correct horse');
    expect(screen.sent()).not.toContain('\x1b[2J');
  });

  it('asks nobody after a power cut while what was answered waits', async () => {
    const machine = unconfigured();
    const digest = await sentAndLostPower(machine);

    const later = await starts(unconfigured(machine.reboot()));
    expect(await proposed(later)).toBe(digest);
    expect(later.text()).not.toContain('Host name');
    expect(await waiting(machine)).toEqual([digest]);
    await lab.approve(machine.identity, digest);
    await later.until('applied decision 1');
  });

  it('shows after a power cut why it was refused, before it asks', async () => {
    const machine = unconfigured();
    const digest = await sentAndLostPower(machine);
    await lab.decide(machine.identity, 'reject', { digest, reason: 'not today' });

    const later = await starts(unconfigured(machine.reboot()));
    await later.until('Host name [node1]:');
    expect(later.text()).toContain('reason: not today');
  });

  it('asks no more once an administrator has decided', async () => {
    const machine = unconfigured();
    const screen = await starts(machine);
    await screen.answer('Host name [node1]:', 'node1');
    await screen.until('[link]:');
    const digest = await lab.propose(machine.identity, { 'etc/motd': 'welcome\n' });
    await lab.approve(machine.identity, digest);
    await screen.until('applied decision 1');
    expect(machine.read('etc/motd')).toBe('welcome\n');
    expect(await waiting(machine)).toEqual([]);
  });

  it('sends nothing where the person stops or the line hangs up, and asks again at a key', async () => {
    const machine = unconfigured();
    const screen = await starts(machine);
    await screen.answer('Host name [node1]:', 'node1');
    await screen.until('[link]:');
    screen.type('\x03');
    await screen.answer('Type yes to stop:', 'yes');
    await screen.until('press Enter here to make another proposal');
    expect(await waiting(machine)).toEqual([]);
    screen.type('\r');
    await answers(screen, 'node1');
    await screen.until('Send it?');
    screen.close();
    clean.pop();
    expect(await waiting(machine)).toEqual([]);
    expect(Object.keys(machine.tree()).filter((path) => path.startsWith('etc/'))).toEqual([]);
  });
});

describeWith('terminal', 'the console of a machine that proposes what it is', () => {
  it('proposes it again after a refusal, at a key', async () => {
    const machine = makeMachine(lab.site);
    clean.push(() => machine.remove());
    machine.write('etc/hostname', 'node1\n');
    const screen = await runs(machine, ['boot']);
    const first = await proposed(screen);
    await lab.decide(machine.identity, 'reject', { digest: first, reason: 'by mistake' });
    await screen.until('press Enter here to make another proposal');
    expect(screen.text()).toContain('reason: by mistake');
    screen.type('\r');
    const second = await proposed(screen, first);
    await lab.approve(machine.identity, second);
    await screen.until('applied decision 2');
  });

  it('ends at ^C while it waits', async () => {
    const machine = makeMachine(lab.site);
    clean.push(() => machine.remove());
    machine.write('etc/hostname', 'node1\n');
    const screen = await runs(machine, ['boot']);
    await lab.decide(machine.identity, 'reject', { digest: await proposed(screen) });
    await screen.until('press Enter here');
    screen.type('\x03');
    await screen.until('[interrupted]');
  });
});

it('goes on where nobody reads what it says any more', async () => {
  const machine = makeMachine(lab.site);
  clean.push(() => machine.remove());
  machine.write('etc/hostname', 'node1\n');
  const agent = [process.execPath, agentProgram(), '--root', machine.root];
  const { child, done } = machine.start(agent, ['boot']);
  const digest = await new Promise<string>((resolve) => {
    let said = '';
    child.stderr!.on('data', (text: string) => {
      const found = /approve ([0-9a-f]{64})/.exec((said += text));
      if (found !== null) resolve(found[1]!);
    });
  });
  child.stderr!.destroy();
  await lab.approve(machine.identity, digest);
  const { code, stdout } = await done;
  expect([code, stdout]).toEqual([0, expect.stringContaining('applied decision 1')]);
});
