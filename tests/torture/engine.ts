import { decide } from '../../functions/approval/decide.ts';
import { repair, settleDecided } from '../../functions/approval/repair.ts';
import { verifyForNode } from '../../protocol/verify.ts';

/** What is tortured. A test brings a broken one, to show that the judge notices. */
export interface Engine {
  readonly decide: typeof decide;
  readonly repair: typeof repair;
  readonly settleDecided: typeof settleDecided;
  readonly verifyForNode: typeof verifyForNode;
}

export const ENGINE: Engine = { decide, repair, settleDecided, verifyForNode };
