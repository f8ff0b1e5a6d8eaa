import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { quote } from '../../bundle/errors.ts';
import { fail } from '../../protocol/errors.ts';
import { readImage } from '../tree/image.ts';

/** Where systemd's stub puts what lay beside its file, in folders (systemd-stub(7)). */
const BESIDE = '.extra';

/**
 * That nothing came into this boot beside an image that is signed with its command line: no other argument, and no file
 * that its stub found beside it (docs/adr/0275). Of an image that is not signed nothing is asked.
 * @param given the kernel's command line
 * @param root path of the machine's root
 * @throws bad_argument naming the arguments, without their values; file_unsafe
 */
export function demandSealed(given: string, root: string): void {
  const { commandLine } = readImage(root);
  if (commandLine === undefined) return;
  const [has, signed] = [wordsOf(given), wordsOf(commandLine)];
  if (has.join(' ') !== signed.join(' ')) {
    const other = [...without(has, signed), ...without(signed, has)];
    const names = other.map((word) => quote(word.replace(/=.*/s, '='))).join(', ');
    throw fail(
      'bad_argument',
      `the command line is not the one that this image is signed with: ${names || 'its order is another'}. Arguments go into the image: npm run image -- --uki --append`,
    );
  }
  const beside = join(root, BESIDE);
  const [folder] = existsSync(beside)
    ? readdirSync(beside, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : [];
  if (folder === undefined) return;
  const [name] = readdirSync(join(beside, folder.name));
  throw fail(
    'file_unsafe',
    `${quote(`${folder.name}/${name ?? ''}`)} lay beside the image where the firmware found it, and nobody signed it: take it away there`,
  );
}

const wordsOf = (line: string): string[] => line.split(/\s+/).filter((word) => word !== '');
const without = (some: readonly string[], others: readonly string[]): string[] =>
  some.filter((one) => !others.includes(one));
