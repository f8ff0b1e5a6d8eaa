import { makeUsbKey } from '../identity/keys/make-usb-key.ts';
import { machineOf } from './key-machine.ts';
import { agentCommand } from './options.ts';

/** The key of one machine, on a stick. Throws as `makeUsbKey`. */
export const keyMakeUsbCommand = agentCommand({
  usage: 'key make usb <device>',
  about: 'make a key on a stick: in its partition named COATCHECK, without a filesystem',
  options: [
    {
      name: 'erase',
      about: 'write over a key or something else that is there',
      example: 'key make usb /dev/sdb1 --erase',
    },
  ],
  run({ console }, { device }, options) {
    const about = machineOf(makeUsbKey(device, options));
    console.note(
      `the key of machine ${about.node} is on ${device}: whoever has it is that machine`,
    );
    console.note(about.words);
    console.result(about.node, { ...about, device });
  },
});
