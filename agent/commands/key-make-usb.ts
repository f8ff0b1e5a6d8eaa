import { makeUsbKey } from '../identity/keys/make.ts';
import { machineOf } from './key-machine.ts';
import { isGiven } from './options.ts';
import type { AgentCommand } from './options.ts';

/** The key of one machine, on a stick. Throws as `makeUsbKey`. */
export const keyMakeUsbCommand: AgentCommand = {
  usage: 'key make usb <device>',
  about: 'make a key on a stick: in its partition named COATCHECK, without a filesystem',
  options: [{ name: 'erase', about: 'although a key or something else is there' }],
  run({ console }, given) {
    const device = given.operands[0]!;
    const about = machineOf(makeUsbKey(device, { erase: isGiven(given, 'erase') }));
    console.note(
      `the key of machine ${about.node} is on ${device}: whoever has it is that machine`,
    );
    console.note(about.words);
    console.result(about.node, { ...about, device });
  },
};
