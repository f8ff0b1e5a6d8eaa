import { fromUtf8 } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import type { Command, Given, Option } from '../../usage/usage.ts';
import type { Invocation } from '../boot/invocation.ts';
import { readPath } from '../tree/files.ts';

/** One command of the agent: its words, its options, and what it does. */
export type AgentCommand = Command<Invocation>;

/** Of every command that goes on with a machine: {@link takeOverIn} reads it. */
export const TAKE_OVER: Option = {
  name: 'take-over',
  about: "although the root holds another machine's configuration",
};

/** Of what proposes: {@link tokenIn} reads it. */
export const TOKEN_FILE: Option = {
  name: 'token-file',
  value: '<file>',
  about: 'an enrolment token, where the site asks for one',
};

/** Of what the kernel's command line has a say in: {@link commandLineIn} reads it. */
export const COMMAND_LINE: Option = {
  name: 'command-line',
  value: '<file>',
  about: "the kernel's command line",
  default: '/proc/cmdline',
};

/** Whether an option without a value was given. */
export const isGiven = ({ options }: Given, name: string): boolean => options[name] === true;

/** The value of an option that was given. */
export function text({ options }: Given, name: string): string | undefined {
  const value = options[name];
  return value === true ? undefined : value;
}

/** @throws usage */
export function seconds(given: Given, name: string): number | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,9}$/.test(value)) throw fail('usage', `--${name} is a number of seconds`);
  return Number(value);
}

/** What `openOwnNode` is told. */
export const takeOverIn = (given: Given): { readonly takeOver: boolean } => ({
  takeOver: isGiven(given, TAKE_OVER.name),
});

/** Path of the file that holds the kernel's command line. */
export const commandLineIn = (given: Given): string =>
  text(given, COMMAND_LINE.name) ?? COMMAND_LINE.default!;

/** @throws file_missing, file_denied, too_large above 1 KiB */
export function tokenIn(given: Given): string | undefined {
  const path = text(given, TOKEN_FILE.name);
  return path === undefined ? undefined : fromUtf8(readPath(path, 1024)).trim();
}
