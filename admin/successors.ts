import type { NodeId } from '../bundle/index.ts';
import { lookAtMany } from './look-at-many.ts';
import { createFleetReader } from './fleet.ts';
import type { Standing } from './find.ts';
import { Left, planMany } from './many.ts';
import type { LeftOut, ManyPlans, Telling } from './many.ts';
import type { Plan } from './plan.ts';
import type { Session } from './session.ts';
import { claimsOfOwn, planTransfer, transferredFrom, transferredTo } from './transfer.ts';
import type { Objection } from './warning.ts';
import type { StatusView } from './views/status.ts';

/** What gives one machine's configuration to its new key, one of many. */
export interface SuccessorPlan {
  readonly old: NodeId;
  /** the host name in force for the old key */
  readonly name?: string;
  readonly plan: Plan;
  /** Signed once `plan` is. */
  readonly then?: Plan;
  /** How many files with secrets are sealed to the new key */
  readonly secrets: number;
}

/** Which machine one with a new key says that it was, as far as a look at the fleet tells. */
interface Claim {
  readonly node: NodeId;
  readonly old: NodeId;
}

/**
 * Plans a transfer (`planTransfer`) for each machine whose new key waits, where the old key signed that the machine is
 * the same, and has a configuration in force. Planned again after it was cut short anywhere it has what is left.
 * Whoever claims what somebody else claims too is left out, and so is who has something in force that is not of a transfer.
 * @throws where server or store do not answer
 */
export async function planSuccessors(
  session: Session,
  telling: Telling = {},
): Promise<ManyPlans<SuccessorPlan>> {
  const views = await createFleetReader(session).look({ withoutReports: true });
  const byNode = new Map(views.map((view) => [view.node, view]));
  const all = views.flatMap((view) => claimsIn(view, byNode));
  const leftOut: LeftOut[] = [];
  const claims: Claim[] = [];
  for (const { node, old, isProven } of all) {
    const rivals = all.filter(
      (other) => other.isProven && other.old === old && other.node !== node,
    );
    const several = all.filter((other) => other.node === node && other.old !== old);
    if (!isProven) leftOut.push({ node, why: { code: 'unproven', old } });
    else if (rivals.length + several.length > 0) {
      const nodes = [...new Set(rivals.map((other) => other.node))];
      leftOut.push({ node, why: { code: 'rivals', old, nodes } });
    } else claims.push({ node, old });
  }
  const olds = lookAtMany(
    session,
    claims.map(({ old }) => old),
  );
  const plans = await planMany(
    session,
    claims.map(({ node }) => ({ node, named: false })),
    telling,
    async (fresh) => {
      const old = (await olds.next()).value as Standing;
      return planSuccessor(session, old, fresh, byNode.get(old.node)?.name);
    },
  );
  return { ...plans, leftOut: [...leftOut, ...plans.leftOut] };
}

/** Each once; none that is done already. */
function claimsIn(
  { node, waiting, decision }: StatusView,
  views: ReadonlyMap<NodeId, StatusView>,
): (Claim & { readonly isProven: boolean })[] {
  const claims = new Map<NodeId, boolean>();
  for (const { succeeds, madeBy } of waiting) {
    if (succeeds === undefined || madeBy !== 'node') continue;
    claims.set(succeeds.node, succeeds.isProven || claims.get(succeeds.node) === true);
  }
  // One that was cut short: what it proposed may be refused already.
  const begun = decision === undefined ? undefined : transferredFrom(decision.reason);
  const isOpen = begun !== undefined && views.get(begun)?.decision?.type !== 'revoke';
  if (isOpen && !claims.has(begun)) claims.set(begun, true);
  return [...claims].flatMap(([old, isProven]) => {
    const last = views.get(old)?.decision;
    const isDone = last?.type === 'revoke' && transferredTo(last.reason) === node;
    return isDone ? [] : [{ node, old, isProven }];
  });
}

/** @throws {@link Left}; as `planTransfer` */
async function planSuccessor(
  session: Session,
  old: Standing,
  fresh: Standing,
  name: string | undefined,
): Promise<SuccessorPlan> {
  const [{ node }, { inForce: last }] = [old, old.history];
  const own = await claimsOfOwn(session, fresh);
  if (!own.some((claim) => claim.isProven && claim.node === node)) {
    throw new Left({ code: 'unproven', old: node }, name);
  }
  const { type, reason } = last?.frame.statement ?? {};
  const to = reason === undefined ? undefined : transferredTo(reason);
  if (type === 'revoke' && to !== undefined) throw new Left({ code: 'moved', old: node, to });
  if (last?.frame.bundle === undefined) throw new Left({ code: 'no_old', old: node });
  const has = fresh.history.inForce?.frame.statement;
  if (has !== undefined && transferredFrom(has.reason) !== node) {
    throw new Left({ code: 'own', old: node, seq: has.seq, type: has.type }, name);
  }
  // What is in force for the same machine is looked at by nobody anew.
  const { give, take, secrets } = await planTransfer(session, old, fresh, {
    showSecrets: false,
    stat: true,
  });
  const plans = [give, take].filter((plan) => plan !== undefined).map(withoutContents);
  const [plan, then] = plans;
  if (plan === undefined) throw new Left({ code: 'same' }, name);
  const refused = plans.flatMap(({ objections }) =>
    objections.filter(({ code }) => code === 'refused_paths'),
  );
  if (refused.length > 0) throw new Left({ code: 'objections', objections: refused }, name);
  return {
    ...{ old: node, plan },
    ...(then !== undefined && { then }),
    ...(name !== undefined && { name }),
    secrets: secrets.length,
  };
}

const OF_CONTENTS: readonly Objection['code'][] = ['withheld', 'cut'];

/** What was not shown is what the machine has. */
const withoutContents = (plan: Plan): Plan => ({
  ...plan,
  objections: plan.objections.filter(({ code }) => !OF_CONTENTS.includes(code)),
});
