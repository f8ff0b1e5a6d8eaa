import { textIn } from '../../files/text.ts';
import { fail } from '../../protocol/errors.ts';
import { commandsFor } from '../../usage/table.ts';
import type { Option } from '../../usage/table.ts';
import type { Invocation } from '../boot/invocation.ts';
import { readPath } from '../tree/files.ts';

/** How a command enters the agent's table: its words, its options, and what it does. */
export const agentCommand = commandsFor<Invocation>();

/** Of every command that goes on with a machine: `openOwnNode` is told. */
export const TAKE_OVER = {
  name: 'take-over',
  about: "go on although the root holds another machine's configuration",
  more: "go on although the root holds another machine's configuration (`not_this_node` otherwise)",
  example: 'boot --take-over',
} as const satisfies Option;

/** Of what proposes: {@link tokenIn} reads it. */
export const TOKEN_FILE = {
  name: 'token-file',
  value: '<file>',
  about: 'an enrolment token, where the site asks for one',
  example: '--token-file /run/enrol.token',
} as const satisfies Option;

/** Of what the kernel's command line has a say in: the file that holds it. */
export const COMMAND_LINE = {
  name: 'command-line',
  value: '<file>',
  about: "the kernel's command line",
  more: "the kernel's command line ([node.md](node.md))",
  default: '/proc/cmdline',
  example: '--command-line /run/cmdline',
} as const satisfies Option;

/** @throws usage */
export function seconds(option: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw fail('usage', `--${option} is a number of seconds`);
  return Number(text);
}

/** @throws file_missing, file_denied, too_large above 1 KiB */
export function tokenIn(path: string | undefined): string | undefined {
  return path === undefined ? undefined : textIn(readPath(path, 1024), path).trim();
}
