import { quote } from '../../../bundle/errors.ts';
import { fail } from '../../../protocol/errors.ts';
import { yesOrNo } from './value-kind.ts';
import type { Kind } from './value-kind.ts';

/** One argument of the kernel's command line that means something to us. */
export interface Argument {
  readonly name: string;
  /** Besides `ovirt_<name>`, which every one of oVirt Node's has */
  readonly alias?: string;
  readonly meaning: string;
  /** What holds without it, for a person */
  readonly otherwise: string;
  readonly example: string;
  readonly kind: Kind;
  /** Without `=` it says yes */
  readonly isFlag?: true;
  /** Never shown, not even where it is malformed */
  readonly isSecret?: true;
}

/** What an argument that is a flag says. */
export const FLAG = { kind: yesOrNo, isFlag: true } as const;

/**
 * The one form of a value.
 * @param text none where the argument has no `=`
 * @param where completes the message, as in ` at character 17`
 * @throws bad_argument, saying what is expected; a secret is not in the message
 */
export function checkValue(argument: Argument, text: string | undefined, where = ''): string {
  const { name, kind, isFlag, isSecret } = argument;
  const canonical = text === undefined ? (isFlag && 'yes') || undefined : kind.canonical(text);
  if (canonical !== undefined) return canonical;
  const given = text === undefined ? 'nothing' : isSecret ? 'this' : quote(text);
  throw fail('bad_argument', `${name}=${where}: it is ${kind.expected}, and not ${given}`);
}
