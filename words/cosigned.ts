import { signaturesText } from '../admin/cosigned.ts';
import type { CosignedView } from '../admin/cosigned.ts';
import type { NodeId } from '../bundle/index.ts';
import { escapeLine } from '../protocol/escape.ts';
import { when } from './time.ts';

/** Why nobody should sign it any more. */
export const voidText = ({ hasEnded }: Pick<CosignedView, 'hasEnded'>): string =>
  hasEnded === true
    ? 'void, since its end has passed: it would stop the machine, and another with a later end is to be made'
    : 'void, since another decision or keyset came first';

/** A decision that lacks signatures, in a line. */
export function cosignedLine(node: NodeId, view: CosignedView): string {
  const { type, seq, issued, expires, isVoid, digest, statementDigest, signedBy } = view;
  const about = /^0+$/.test(digest) ? '' : ` of ${digest.slice(0, 16)}`;
  const until = expires === undefined ? '' : `, until ${when(expires)}`;
  const said = isVoid
    ? `${voidText(view)}; ${signedBy.map(escapeLine).join(', ')} signed it`
    : escapeLine(signaturesText(view));
  return `${type}${about} for ${node} (statement ${statementDigest.slice(0, 16)}, seq ${seq}, ${when(issued)}${until}): ${said}`;
}
