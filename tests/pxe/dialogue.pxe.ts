import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textScreen } from './devices.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

/** Lines of the agent, which each console has as often as the other. */
const SAID_ON_BOTH = (words: string): RegExp[] => [
  /^coatcheck .* gets the configuration of this machine$/,
  /^network: .*, gateway 10\.77\.0\.1$/,
  /^questions are asked at the last of the consoles tty0 ttyS0$/,
  new RegExp(`^    ${words}$`),
  /^machine \w+ waits for an administrator/,
  /^to do: an administrator compares the words: coatcheck approve /,
];

describe('7: the dialogue, where the command line says nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dialogue-'));
  let rack: Rack | undefined;
  beforeAll(async () => {
    rack = await openRack('dialogue', { store: 'folder' });
  });
  afterAll(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it('is answered over the serial line, the screen shows the rest, and what was answered is what runs', async () => {
    const screen = textScreen(folder);
    const machine = await rack!.boot(7, { append: 'coatcheck.key=image', args: screen.args });
    const answers: [RegExp, string][] = [
      [/^Host name .*:$/, 'node7.lab.test'],
      [/^Interface .*:$/, ''],
      [/^IPv4 .*:$/, '10.77.0.300'],
      [/^IPv4 .*:$/, ''],
      [/^IPv6 .*:$/, ''],
      [/^VLAN .*:$/, ''],
      [/^Bond .*:$/, ''],
      [/^Name servers .*:$/, ''],
      [/^Time servers .*:$/, ''],
      [/^Password of root .*:$/, 'correct horse 7'],
      [/^The same again.*:$/, 'correct horse 7'],
      [/^Password of admin .*:$/, ''],
      [/^Passwords over ssh .*:$/, 'no'],
      [/^Keyboard .*:$/, ''],
      [/^Engine .*:$/, ''],
      [/^Log server .*:$/, ''],
      [/^Swap .*:$/, ''],
      [/^Send it\?/, 'yes'],
    ];
    for (const [prompt, text] of answers) await machine.answer(prompt, text);
    const { node, words } = await rack!.proposal();
    await machine.line(new RegExp(words));
    await machine.line(/^to do: /);
    const shown = await screen.lines();
    const serial = machine.said().split('\n');
    for (const line of SAID_ON_BOTH(words)) {
      const [here, there] = [shown, serial].map((lines) => lines.filter((one) => line.test(one)));
      expect(here).not.toEqual([]);
      expect(here).toEqual(there);
    }
    expect(shown.join('\n')).not.toMatch(/Host name/);
    await rack!.coatcheck('approve', node, '--yes');
    expect((await rack!.report(node)).report!.result).toMatch(/^applied: /);

    // Whoever sits there logs in with what was answered.
    await machine.prompt(/ login:$/);
    await machine.answer(/login:$/, 'root');
    await machine.answer(/^Password:$/, 'correct horse 7');
    await machine.answer(/:~#$/, 'hostnamectl hostname; echo "this is $(id -un)"');
    await machine.line(/^node7\.lab\.test$/);
    await machine.line(/^this is root$/);
    expect(machine.said()).not.toContain('correct horse 7');
    await machine.stop();
  });
});
