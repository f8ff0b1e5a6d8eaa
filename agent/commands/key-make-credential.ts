import { toBase64 } from '../../bundle/base64.ts';
import { utf8 } from '../../bundle/bytes.ts';
import { CREDENTIAL } from '../identity/keys/credential.ts';
import { formatKeyFile, randomSeed } from '../identity/keys/key-file.ts';
import { machineOf } from './key-machine.ts';
import { agentCommand } from './options.ts';

/** The key of one machine, as what systemd hands over; it is kept nowhere. */
export const keyMakeCredentialCommand = agentCommand({
  usage: 'key make credential',
  about: 'make a key and print it, for systemd to hand over',
  run({ console }) {
    const seed = randomSeed();
    const about = machineOf(seed);
    const credential = formatKeyFile(seed);
    const smbios = `io.systemd.credential.binary:${CREDENTIAL}=${toBase64(utf8(credential))}`;
    console.note(`the credential ${CREDENTIAL} of machine ${about.node}: it is shown this once`);
    console.note(about.words);
    console.result(credential.trimEnd(), { ...about, credential, smbios });
  },
});
