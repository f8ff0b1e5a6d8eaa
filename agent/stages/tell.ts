import { toHex } from '../../bundle/bytes.ts';
import { showPath } from '../../bundle/errors.ts';
import type { Console } from '../console/console.ts';
import { tellApplied, tellDecision } from '../boot/install.ts';
import { effectLines } from './effect.ts';
import type { Effect } from './effect.ts';
import type { Found } from '../boot/boot.ts';

/** The result of a boot or an apply. */
export function tellInstalled(
  console: Console,
  found: Found,
  { applied, ofImage, activation, ready, ...more }: Effect & { readonly reported?: boolean },
): void {
  const json = { ...applied, ofImage, activation, ready, ...more };
  const lines = [
    ...applied.changed.map((path) => `changed ${showPath(path)}`),
    ...applied.removed.map((path) => `removed ${showPath(path)}`),
    ...effectLines({ applied, ofImage, activation, ready }),
  ];
  if ('unapproved' in found) {
    const said = `UNAPPROVED: applied what nobody approved: ${tellApplied(applied)}`;
    console.result([...lines, said].join('\n'), { unapproved: true, ...json });
    return;
  }
  const { frame } = found.decision;
  const { type, seq } = frame.statement;
  console.note(tellDecision(frame));
  console.result([...lines, `applied decision ${seq}: ${tellApplied(applied)}`].join('\n'), {
    statement: toHex(frame.statementDigest),
    type,
    seq,
    ...json,
  });
}
