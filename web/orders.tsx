import { planRenew } from '../admin/approve.ts';
import { lookAtCosigned, planCosign } from '../admin/cosign.ts';
import { lookAt } from '../admin/find.ts';
import type { Standing } from '../admin/find.ts';
import { placeInForce, planOrders } from '../admin/many.ts';
import type { Ordered } from '../admin/many.ts';
import { planReconfigure, planRevoke, planRollback } from '../admin/orders.ts';
import type { Plan } from '../admin/plan.ts';
import type { Session } from '../admin/session.ts';
import { toHex } from '../bundle/bytes.ts';
import type { NodeId } from '../bundle/index.ts';
import { count } from '../protocol/count.ts';
import { fail } from '../protocol/errors.ts';
import { shortName } from '../words/names.ts';
import { nameOf, nodeIn } from './around.ts';
import type { Around } from './around.ts';
import { cutting } from './cutting.ts';
import { nodesMeant } from './meant.ts';
import { OrdersScreen } from './page/orders.tsx';
import { ReviewPart } from './page/review.tsx';
import { pathsOfValues, showingAt, unmasked } from './unmasked.ts';

/** What is ordered of a node that is known: about one of them, or about many. */
export function orderRoutes({ app, desk, usualExpiry, screen, confirm, viewOf }: Around): void {
  app.get('/nodes/:node/:order{reconfigure|revoke|renew|rollback|cosign}', async (context) => {
    const node = nodeIn(context);
    const order = context.req.param('order') as keyof typeof COMMANDS;
    const session = await desk.session();
    const { slot, statement } = context.req.query();
    const shows = context.req.queries('show') ?? [];
    const values = context.req.queries('value') ?? [];
    const asked = new URLSearchParams({ ...(slot && { slot }), ...(statement && { statement }) });
    const at = `${context.req.path}?${asked.toString()}`;
    const planOf = (showSecrets: readonly string[]): Promise<Plan> =>
      planOrder(session, node, order, { slot: Number(slot), statement, showSecrets });
    const plan = await planOf(shows);
    const whole =
      values.length === 0 ? undefined : await planOf([...shows, ...pathsOfValues(values)]);
    const review = whole === undefined ? plan.review : unmasked(plan, whole, values);
    const cut = cutting(context);
    const seen = review === undefined ? { plan } : cut.shown(plan, review);
    const view = viewOf(node);
    const name = view?.name;
    const named = { plan: seen.plan, ...(name !== undefined && { name }) };
    const { verb, about } = COMMANDS[order];
    return screen(
      context,
      `${verb}: ${nameOf(view, node)}`,
      <>
        <p class="lead">{about}</p>
        {'review' in seen && (
          <ReviewPart {...seen} showing={showingAt(cut.at(at), shows, values)} whole={cut.whole} />
        )}
        {confirm(
          context,
          { plans: [named], at },
          {
            ...{ verb, action: '/decide', usualExpiry, isDanger: order === 'revoke' },
            ...(plan.review !== undefined && order !== 'cosign' && { expiry: 'required' }),
          },
        )}
      </>,
    );
  });

  app.get('/orders/:order{reconfigure|revoke|renew}', async (context) => {
    const order = context.req.param('order') as keyof typeof OF_MANY;
    const query = context.req.query('q')?.trim() ?? '';
    // What is renewed is approved, so that nothing is selected of which nothing was.
    const purpose = order === 'renew' ? 'approve' : 'decide';
    const meant = nodesMeant(desk.picture(), query, purpose);
    const session = await desk.session();
    const targets = meant.nodes.map((node) => ({ node, named: true }));
    const { planned, leftOut } = await planOrders(session, targets, OF_MANY[order](session), {
      looksOnly: true,
    });
    const plans = planned.toSorted((a, b) => byName.compare(shortNameOf(a), shortNameOf(b)));
    const at = `/orders/${order}?${new URLSearchParams({ q: query }).toString()}`;
    const typed = plans.length > 1 ? { number: plans.length } : undefined;
    const { verb, ofMany } = COMMANDS[order];
    return screen(
      context,
      `${verb}: ${count(plans.length, 'node')}`,
      <OrdersScreen
        about={ofMany}
        plans={plans}
        leftOut={[...meant.leftOut, ...leftOut]}
        now={session.client.now()}
      >
        {plans.length > 0 &&
          confirm(
            context,
            { plans, typed, at },
            {
              ...{ verb, action: '/decide', usualExpiry, isDanger: order === 'revoke' },
              ...(order === 'renew' && { expiry: 'required' }),
            },
          )}
      </OrdersScreen>,
    );
  });
}

const byName = new Intl.Collator('en', { numeric: true });
const shortNameOf = ({ plan: { node }, name }: Ordered): string => shortName({ node, name });

/** What plans it about each of many. */
const OF_MANY = {
  renew: (session: Session) => (standing: Standing) =>
    planRenew(session, standing, {
      ...{ reason: '', expires: 'never', showSecrets: false, stat: false },
      place: placeInForce(standing),
    }),
  reconfigure: (session: Session) => (standing: Standing) =>
    planReconfigure(session, standing, { reason: '' }),
  revoke: (session: Session) => (standing: Standing) =>
    planRevoke(session, standing, { reason: '' }),
};

const COMMANDS = {
  renew: {
    verb: 'Renew',
    about: 'What is in force is approved again, with another end.',
    ofMany: 'What is in force for each of them is approved again, with another end.',
  },
  rollback: { verb: 'Roll back', about: 'What was in force then is put in force again.' },
  reconfigure: {
    verb: 'Order a new configuration',
    about: 'At its next boot the machine makes a new proposal, and does not apply the old one.',
    ofMany: 'At its next boot each of them makes a new proposal, and does not apply the old one.',
  },
  cosign: {
    verb: 'Sign as well',
    about:
      'Another administrator signed this, and it lacks signatures. What it does is worked out here anew.',
  },
  revoke: {
    verb: 'Revoke',
    about: 'At its next boot the machine applies nothing, and says who revoked it, when and why.',
    ofMany: 'At its next boot each of them applies nothing, and says who revoked it, when and why.',
  },
} as const;

async function planOrder(
  session: Session,
  node: NodeId,
  order: keyof typeof COMMANDS,
  {
    slot,
    statement,
    showSecrets,
  }: {
    readonly slot: number;
    readonly statement: string | undefined;
    readonly showSecrets: readonly string[];
  },
): Promise<Plan> {
  const wish = { reason: '', expires: 'never', showSecrets, stat: false } as const;
  const standing = await lookAt(session, node, (one) => one === slot);
  switch (order) {
    case 'renew': {
      return planRenew(session, standing, { ...wish, place: placeInForce(standing) });
    }
    case 'rollback':
      return planRollback(session, standing, { ...wish, slot });
    case 'cosign': {
      const begun = (await lookAtCosigned(session, standing)).find(
        ({ signed }) => toHex(signed.digest) === statement,
      );
      if (begun === undefined) throw fail('not_found', 'nothing of that lacks signatures any more');
      return planCosign(session, standing, begun, { showSecrets, stat: false });
    }
    case 'reconfigure':
      return planReconfigure(session, standing, wish);
    case 'revoke':
      return planRevoke(session, standing, wish);
  }
}
