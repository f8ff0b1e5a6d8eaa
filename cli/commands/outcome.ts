import { MAX_REASON_BYTES, utf8 } from '../../bundle/index.ts';
import { fail } from '../../protocol/errors.ts';
import type { Decided } from '../decide.ts';
import type { DiffView } from '../../admin/diff-view.ts';
import type { Terminal } from '../terminal.ts';

/** @throws usage for a reason that no statement can carry */
export function checkReason(reason: string): string {
  if (utf8(reason).length > MAX_REASON_BYTES) {
    throw fail('usage', `a reason has at most ${MAX_REASON_BYTES} bytes`);
  }
  return reason;
}

const DONE = {
  approve: 'approved',
  reject: 'rejected',
  reconfigure: 'asked to configure itself anew',
  revoke: 'revoked',
  rollback: 'rolled back',
} as const;

/** The result of a command that decided something. @param shown what the administrator was shown */
export function printDecided(
  terminal: Terminal,
  decisions: readonly Decided[],
  shown?: DiffView,
): void {
  const { style } = terminal;
  for (const { node, type, seq, slot, published } of decisions) {
    terminal.print(`${style.green(DONE[type])} ${node} (seq ${seq}, slot ${slot})`);
    if (!published) {
      terminal.warn(
        `recorded, but not shown to the node yet: coatcheck repair ${node} finishes it`,
      );
    }
  }
  terminal.document({ decisions, ...(shown === undefined ? {} : { shown }) });
}
