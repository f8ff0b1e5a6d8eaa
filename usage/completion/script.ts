import type { Program, Shell } from '../table.ts';
import { fishScript } from './fish.ts';
import { completedOf } from './places.ts';
import { posixScript } from './posix.ts';

/** The script that a shell completes a program's command lines by, made from its table alone. */
export function completion<Context>(program: Program<Context>, shell: Shell): string {
  const completed = completedOf(program);
  return shell === 'fish' ? fishScript(completed) : posixScript(completed, shell);
}
