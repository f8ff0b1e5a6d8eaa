import { toBase64Url, utf8 } from '../../bundle/bytes.ts';
import { toBase64 } from '../../bundle/base64.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { NodeId } from '../../bundle/identity.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { Context } from './commands.ts';
import { CREDENTIAL } from '../identity/keys/credential.ts';
import { formatKeyFile, makeKeyFile, randomSeed } from '../identity/keys/file.ts';
import { makeUsbKey } from '../identity/keys/make.ts';
import { IMAGE_KEY, openSeed } from '../identity/keys/open.ts';

/** `id`: who this machine is, in full and as people compare it. */
export function id({ places, console }: Context, options: { public: boolean }): void {
  const { seed, from: keySource } = openSeed(places.key, places.root);
  const { id: node, signKey, boxKey } = deriveIdentity(seed);
  const keys = { signKey: toBase64Url(signKey), boxKey: toBase64Url(boxKey) };
  const words = nodeWords(node);
  const known = { node, words, keySource };
  console.note(words);
  if (options.public) {
    const text = `${node}\nsign ${keys.signKey}\nbox  ${keys.boxKey}`;
    console.result(text, { ...known, ...keys });
  } else console.result(node, known);
}

/** `key make file`: of one machine, in a file. @throws file_exists, file_denied, disk_full */
export function keyMakeFile({ console }: Context, path: string): void {
  const about = madeFor(makeKeyFile(path));
  console.note(`the key of machine ${about.node} is in ${path}: whoever reads it is that machine`);
  console.note(about.words);
  console.result(about.node, { ...about, path });
}

/** `key make usb`: of one machine, on a stick. @throws as `makeUsbKey` */
export function keyMakeUsb({ console }: Context, device: string, erase: boolean): void {
  const about = madeFor(makeUsbKey(device, { erase }));
  console.note(`the key of machine ${about.node} is on ${device}: whoever has it is that machine`);
  console.note(about.words);
  console.result(about.node, { ...about, device });
}

/** `key make image`: of every machine of an image. @throws as {@link keyMakeFile} */
export function keyMakeImage({ console }: Context, path: string): void {
  makeKeyFile(path, 'image-key');
  console.note(`in the image it belongs at ${IMAGE_KEY}, mode 600, for coatcheck.key=image`);
  console.note('whoever has the image has the key of every machine that boots it');
  console.result(path, { path });
}

/** `key make credential`: of one machine, as what systemd hands over; it is kept nowhere. */
export function keyMakeCredential({ console }: Context): void {
  const seed = randomSeed();
  const about = madeFor(seed);
  const credential = formatKeyFile(seed);
  const smbios = `io.systemd.credential.binary:${CREDENTIAL}=${toBase64(utf8(credential))}`;
  console.note(`the credential ${CREDENTIAL} of machine ${about.node}: it is shown this once`);
  console.note(about.words);
  console.result(credential.trimEnd(), { ...about, credential, smbios });
}

function madeFor(seed: Uint8Array): { node: NodeId; words: string } {
  const { id: node } = deriveIdentity(seed);
  return { node, words: nodeWords(node) };
}
