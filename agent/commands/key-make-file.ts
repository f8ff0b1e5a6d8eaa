import { makeKeyFile } from '../identity/keys/key-file.ts';
import { machineOf } from './key-machine.ts';
import { agentCommand } from './options.ts';

/** The key of one machine, in a file. Throws file_exists, file_denied, disk_full. */
export const keyMakeFileCommand = agentCommand({
  usage: 'key make file <path>',
  about: 'make a key in a new file that only its owner can read; --root has no say in <path>',
  run({ console }, { path }) {
    const about = machineOf(makeKeyFile(path));
    console.note(
      `the key of machine ${about.node} is in ${path}: whoever reads it is that machine`,
    );
    console.note(about.words);
    console.result(about.node, { ...about, path });
  },
});
