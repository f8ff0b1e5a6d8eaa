import { toBase64Url } from '../../bundle/bytes.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import { nodeWords } from '../../bundle/words.ts';
import { openPlaced } from '../boot/node.ts';
import { agentCommand } from './options.ts';

/** Who this machine is, in full and as people compare it. */
export const idCommand = agentCommand({
  usage: 'id',
  about: 'print the id of this machine, and its words',
  options: [{ name: 'public', about: 'and its two public keys', example: 'id --public' }],
  run({ places, console }, _, given) {
    const { seed, from: keySource } = openPlaced(places);
    const { id: node, signKey, boxKey } = deriveIdentity(seed);
    const keys = { signKey: toBase64Url(signKey), boxKey: toBase64Url(boxKey) };
    const words = nodeWords(node);
    const known = { node, words, keySource };
    console.note(words);
    if (given.public) {
      const text = `${node}\nsign ${keys.signKey}\nbox  ${keys.boxKey}`;
      console.result(text, { ...known, ...keys });
    } else console.result(node, known);
  },
});
