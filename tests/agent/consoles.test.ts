import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { screensAt } from '../../agent/console/screen.ts';
import { nodeWords } from '../../bundle/words.ts';
import { describeWith } from '../support/components.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { agentProgram, makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { openScreen } from '../support/tmux.ts';
import type { Screen } from '../support/tmux.ts';

/** What a machine says on its consoles: real terminals of 80 columns and 25 lines. */

let lab: Lab;
const clean: (() => void)[] = [];
beforeAll(async () => {
  lab = await startLab();
});
afterEach(() => clean.splice(0).forEach((act) => act()));
afterAll(() => lab.close());

interface Terminal extends Screen {
  readonly tty: string;
}

/** A terminal that nobody types on, and its device. */
async function terminal(): Promise<Terminal> {
  const screen = await openScreen(['sh', '-c', 'tty; exec sleep infinity'], { rows: 25 });
  clean.push(() => screen.close());
  await screen.until('/dev/pts/');
  return { ...screen, tty: /\/dev\/pts\/\d+/.exec(screen.text())![0] };
}

function machineOf(commandLine: string): Machine {
  const machine = makeMachine(lab.site);
  clean.push(() => machine.remove());
  machine.write('usr/lib/systemd/system/systemd-networkd.service', '[Service]\n');
  machine.write('cmdline', `${commandLine}\n`);
  return machine;
}

function starts(machine: Machine, tty: string): ReturnType<Machine['start']> {
  const agent = [process.execPath, agentProgram(), '--root', machine.root];
  const line = ['--command-line', machine.path('cmdline'), '--no-network'];
  const started = machine.start(agent, ['start', ...line, '--console', tty]);
  clean.push(() => started.child.kill('SIGKILL'));
  return started;
}

/** Lines as the terminal was sent them, less what positions the cursor. */
const linesOf = (screen: Screen): string[] =>
  screen
    .sent()
    .split(/\r*\n/)
    .map((line) => line.replaceAll('\x1b[K', '').split('\r').at(-1)!);

describeWith('terminal', 'the console of a machine', () => {
  it('says who it is, what it does and what it waits for, in lines that fit', async () => {
    const console = await terminal();
    const machine = machineOf('stateless hostname=node1 ip=dhcp');
    const { done } = starts(machine, console.tty);
    await console.until('to do: an administrator compares the words');
    const words = nodeWords(machine.identity.id);
    const lines = linesOf(console);
    const at = lines.indexOf(`    ${words}`);
    expect(lines.slice(at - 2, at + 2)).toEqual(['', 'this machine:', `    ${words}`, '']);
    expect(lines.findIndex((line) => /^coatcheck .* gets the configuration/.test(line))).toBe(
      lines.findIndex((line) => line.startsWith('coatcheck ')),
    );
    expect(console.text()).toMatch(/its key: .*; its memory: file/);
    expect(console.text()).toContain(`asking ${lab.url} for what is approved`);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);

    const [, digest] = /approve\s+([0-9a-f]{64})/.exec(lines.join('\n'))!;
    await lab.approve(machine.identity, digest!);
    const { code, stdout, stderr } = await done;
    await console.until('applied decision 1');
    const after = linesOf(console);
    expect(Math.max(...after.map((line) => line.length))).toBeLessThan(80);
    for (const once of [/^decision 1 by /, /^changed etc\/hostname$/, /^applied decision 1: /]) {
      expect(after.filter((line) => once.test(line))).toHaveLength(1);
    }
    // The log has it too, in whole lines, and no console gets it from stdout once more.
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^machine .* approve [0-9a-f]{64}, sent .*, waiting since /m);
  });

  it('says why a start ended, in lines that fit, with its code', async () => {
    const console = await terminal();
    const { done } = starts(
      machineOf(`stateless ip=10.0.0.300 hostname=${'n'.repeat(63)}`),
      console.tty,
    );
    const { code } = await done;
    await console.until('[bad_argument]');
    expect(code).toBe(2);
    expect(Math.max(...linesOf(console).map((line) => line.length))).toBeLessThan(80);
  });

  it('is every console of the kernel: each has every line once', async () => {
    const [screen, serial] = [await terminal(), await terminal()];
    const folder = fs.mkdtempSync('/tmp/consoles-');
    clean.push(() => fs.rmSync(folder, { recursive: true }));
    fs.writeFileSync(join(folder, 'active'), `${screen.tty.slice('/dev/'.length)} ttyX\n`);
    const [first, last, ...more] = screensAt('/dev/console', {
      ...{ active: join(folder, 'active'), devices: '/dev' },
    });
    expect([more, last]).toEqual([[], expect.anything()]);
    // The last one is /dev/console, here this machine's own.
    const [second] = screensAt(serial.tty);
    for (const one of [first!, second!]) {
      one.progress('still waiting: 7 s');
      one.show('what the machine says');
      one.show(`${'x'.repeat(78)} end`);
    }
    for (const one of [screen, serial]) {
      await one.until('  end');
      expect(one.text().match(/what the machine says/g)).toHaveLength(1);
      expect(one.text()).not.toContain('still waiting');
    }
  });

  it('starts at the first column, whatever a program left there without a line end', async () => {
    const console = await terminal();
    fs.writeFileSync(console.tty, 'half a line of another program');
    screensAt(console.tty)[0]!.show('ours');
    await console.until('ours');
    expect(console.text().split('\n').at(-1)).toBe('ours');
  });

  it('holds nothing up where somebody stopped it, and shows what was said once it goes on', async () => {
    const console = await terminal();
    console.type('\x13');
    await console.until('/dev/pts/');
    const [screen] = screensAt(console.tty);
    for (let i = 0; i < 2000; i++) screen!.show(`line ${i} ${'x'.repeat(60)}`);
    console.type('\x11');
    await console.until('line 0 ');
  });
});
