import { makeKeyFile } from '../identity/keys/key-file.ts';
import { IMAGE_KEY } from '../identity/keys/open-seed.ts';
import { agentCommand } from './options.ts';

/** The key of every machine of an image. Throws file_exists, file_denied, disk_full. */
export const keyMakeImageCommand = agentCommand({
  usage: 'key make image <path>',
  about:
    'make the key from which each machine of an image derives its own; --root has no say in <path>',
  run({ console }, { path }) {
    makeKeyFile(path, 'image-key');
    console.note(`in the image it belongs at ${IMAGE_KEY}, mode 600, for coatcheck.key=image`);
    console.note('whoever has the image has the key of every machine that boots it');
    console.result(path, { path });
  },
});
