import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/network.ts';
import { textScreen } from './devices.ts';
import { smallImage, testImage } from './image.ts';
import { openRack } from './lab.ts';
import type { Rack } from './lab.ts';

/** What is typed behind what is asked; behind the rest Enter takes the usual answer. */
const TYPED: Readonly<Record<string, string>> = {
  'Host name': 'node27.lab.test',
  'Password of root': 'correct horse 27',
  'The same again': 'correct horse 27',
  'Send it?': 'yes',
};
const ASKED = [
  ...['Host name', 'Interface', 'IPv4', 'IPv6', 'VLAN', 'Bond', 'Name servers', 'Time servers'],
  ...['Password of root', 'The same again', 'Password of admin', 'Passwords over ssh', 'Keyboard'],
  ...['Engine', 'Log server', 'Swap', 'Send it?'],
];

describe('7: a machine with a screen and a keyboard, and no serial line', () => {
  let folder: string;
  let rack: Rack | undefined;
  afterEach(async () => {
    await rack?.close();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['systemd, and a PS/2 keyboard', testImage, []],
    ['busybox, and a USB keyboard', smallImage, ['-device', 'qemu-xhci', '-device', 'usb-kbd']],
  ])('is configured in front of it, with %s', async (_, image, keyboard) => {
    folder = mkdtempSync(join(tmpdir(), 'screen-'));
    rack = await openRack('screen', { image, store: 'folder' });
    const screen = textScreen(folder);
    const machine = await rack.boot(27, {
      commandLine: 'stateless coatcheck.key=image systemd.machine_id=firmware console=tty0',
      args: [...screen.args, ...keyboard],
    });
    for (const asked of ASKED) await screen.answer(asked, TYPED[asked] ?? '');
    const { node, words } = await rack.proposal();
    const says = (line: RegExp): Promise<void> =>
      until(async () => machine.isOff() || (await screen.lines()).some((one) => line.test(one)));
    await says(new RegExp(`^    ${words}$`));
    await rack.coatcheck('approve', node, '--yes');
    await rack.report(node);
    await says(/^node27\.?.* login:/);
    expect((await screen.lines()).join('\n')).not.toContain('correct horse');
    await machine.stop();
  });
});
