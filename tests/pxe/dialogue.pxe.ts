import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

describe('7: the dialogue, where the command line says nothing', () => {
  let rack: Rack | undefined;
  beforeAll(async () => {
    rack = await openRack('dialogue', { store: 'folder' });
  });
  afterAll(() => rack?.close());

  it('is answered over the serial line, and what was answered is what runs', async () => {
    const machine = await rack!.boot(7, { append: 'coatcheck.key=image' });
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
    await rack!.coatcheck('approve', node, '--yes');
    expect((await rack!.report(node)).report!.result).toMatch(/^applied: /);

    // Whoever sits there logs in with what was answered.
    await machine.answer(/login:$/, 'root');
    await machine.answer(/^Password:$/, 'correct horse 7');
    await machine.answer(/:~#$/, 'hostnamectl hostname; echo "this is $(id -un)"');
    await machine.line(/^node7\.lab\.test$/);
    await machine.line(/^this is root$/);
    expect(machine.said()).not.toContain('correct horse 7');
    await machine.stop();
  });
});
