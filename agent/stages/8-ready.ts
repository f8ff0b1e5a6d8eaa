import { NOT_ASKED } from '../ready/readiness.ts';
import type { MakeReady } from '../ready/readiness.ts';
import { leadOn } from '../systemd/lead-on.ts';
import { notify } from '../systemd/notify.ts';
import { orReport } from './7-applying.ts';
import type { InPlace } from './7-applying.ts';
import { tellEffect } from './effect.ts';
import type { Finished } from './effect.ts';

/**
 * Stage 8 of docs/node.md: tells the service manager, makes the machine available and reports, in
 * this order. What is ordered after the agent's unit starts before the machine is made available:
 * whoever is told that it is there finds its services. Images are revoked last: what did not come
 * so far has not shown that it can take the place of the one before.
 *
 * @param makeReady absent where the machine is not made available by this command
 * @returns what failed, too
 * @throws what `settle` and `makeReady` do, after a report that says so
 */
export async function becomeReady(
  { installed, settle, isApproved, revoke, report }: InPlace,
  makeReady?: MakeReady,
): Promise<Finished> {
  const { applied, ofImage, statement, seq } = installed;
  return await orReport(report, async () => {
    await notify('ready', `decision ${seq} is in place`);
    const stuck = await leadOn();
    const settled = await settle();
    const failed = [...stuck, ...settled.failed];
    const activation = { ...settled, failed };
    const ready = (await makeReady?.({ statement, seq, isApproved, failed })) ?? NOT_ASKED;
    const effect = { applied, ofImage, activation, ready, images: revoke() };
    const result = tellEffect(effect);
    const reported = await report(result);
    await notify('status', `decision ${seq} ${result}`);
    return { ...effect, reported };
  });
}
