import { readCommandLine } from '../answers/cmdline/read.ts';
import type { CommandLine } from '../answers/cmdline/read.ts';
import type { Invocation } from '../boot/invocation.ts';
import { VERSION } from '../boot/version.ts';
import { enterRescue } from '../systemd/rescue.ts';
import { readPath } from '../tree/files.ts';
import { isOwnRoot } from '../tree/folder.ts';
import { demandSealed } from './sealed-line.ts';

/** The kernel's own limit is 4 KiB on most machines (COMMAND_LINE_SIZE); a bootconfig adds to it. */
const MAX_COMMAND_LINE_BYTES = 64 * 1024;

/**
 * Stage 1 of docs/node.md: how this boot is to go, and what the machine is to be.
 * @param path file with the kernel's command line
 * @param root path of the machine's root
 * @throws file_missing, file_denied, too_large above 64 KiB; bad_argument as `readCommandLine`; as {@link demandSealed}
 */
export function readCommandLineFile(path: string, root: string): CommandLine {
  const text = Buffer.from(readPath(path, MAX_COMMAND_LINE_BYTES)).toString('latin1');
  demandSealed(text, root);
  return readCommandLine(text);
}

/**
 * Whether the boot ends with its command line: without `stateless` this is an installed system, and
 * with `rescue` a shell is all that is wanted. Otherwise says what of the line is left out.
 * @throws step_failed as `enterRescue`
 */
export async function endsHere(
  { places, console }: Pick<Invocation, 'places' | 'console'>,
  { orders: { stateless, rescue }, notes }: Pick<CommandLine, 'orders' | 'notes'>,
): Promise<boolean> {
  if (!stateless) {
    console.result('the command line does not say stateless: nothing to do', {
      state: 'installed',
    });
    return true;
  }
  console.note(`coatcheck ${VERSION} gets the configuration of this machine`);
  for (const note of notes) console.note(note);
  if (!rescue) return false;
  console.result('rescue: no configuration is fetched', { state: 'rescue' });
  if (isOwnRoot(places.root)) await enterRescue();
  return true;
}
