import { findNode } from '../admin/select.ts';
import type { Session } from '../admin/session.ts';
import { lookAt } from '../admin/find.ts';
import { planForget } from '../admin/forget.ts';
import { planTransfer } from '../admin/transfer.ts';
import { statementView } from '../admin/views/statement.ts';
import { CoatcheckError } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { fail } from '../protocol/errors.ts';
import { count } from '../protocol/count.ts';
import { nameOf, nodeIn, orError } from './around.ts';
import type { Around } from './around.ts';
import { cutting } from './cutting.ts';
import { nodesMeant, wordsOf } from './meant.ts';
import { ForgetScreen } from './page/forget.tsx';
import { TransferAsk, TransferScreen } from './page/transfer.tsx';
import { pathsOfValues, showingAt, unmasked } from './unmasked.ts';

/** What ends a node: its configuration is given to a new key, or all of it is forgotten. */
export function leaveRoutes({ app, desk, screen, confirm, consented, viewOf }: Around): void {
  app.get('/nodes/:node/transfer', async (context) => {
    const old = nodeIn(context);
    const view = viewOf(old);
    const given = context.req.query('to') ?? '';
    const title = `Give to a new key: ${nameOf(view, old)}`;
    const session = await desk.session();
    const named = given.trim() === '' ? undefined : await orError(() => keyNamed(session, given));
    if (named === undefined || named instanceof CoatcheckError) {
      const claiming = desk.picture().nodes.filter(({ node, decision, waiting }) => {
        const isNew = decision === undefined && node !== old;
        return isNew && waiting.some(({ hostname }) => hostname === view?.name);
      });
      return screen(
        context,
        title,
        <TransferAsk
          old={old}
          view={view}
          given={given}
          problem={named}
          claiming={view?.name === undefined ? [] : claiming}
        />,
      );
    }
    const shows = context.req.queries('show') ?? [];
    const values = context.req.queries('value') ?? [];
    const standing = await lookAt(session, old);
    const fresh = await lookAt(session, named);
    const planned = (showSecrets: readonly string[]) =>
      planTransfer(session, standing, fresh, { showSecrets, stat: false });
    const plans = await planned(shows);
    const { give, take } = plans;
    const whole =
      values.length === 0 ? undefined : await planned([...shows, ...pathsOfValues(values)]);
    const review = whole && give?.review ? unmasked(give, whole.give, values) : give?.review;
    const cut = cutting(context);
    const seen = give && review ? cut.shown(give, review) : undefined;
    const { inForce } = standing.history;
    const at = `/nodes/${old}/transfer?${new URLSearchParams({ to: given }).toString()}`;
    const steps = [
      ...(give === undefined ? [] : [{ plan: seen?.plan ?? give }]),
      ...(take === undefined ? [] : [{ plan: take, ...(view?.name && { name: view.name }) }]),
    ];
    const shown = {
      ...{ plans: steps, isFixed: true, at },
      typed: { machine: named },
    } as const;
    return screen(
      context,
      title,
      <TransferScreen
        old={old}
        view={view}
        fresh={named}
        inForce={inForce && statementView(inForce.frame, session.client.now())}
        plans={plans}
        review={seen?.review}
        whole={cut.whole}
        showing={showingAt(cut.at(at), shows, values)}
      >
        {steps.length > 0 &&
          confirm(context, shown, { verb: 'Transfer', action: '/decide', isDanger: true })}
      </TransferScreen>,
    );
  });

  app.get('/forget', async (context) => {
    const query = context.req.query('q') ?? '';
    const { nodes } = nodesMeant(desk.picture(), query, 'decide');
    const targets = nodes.map((node) => ({ node, named: true }));
    const { planned, leftOut } = await planForget(await desk.session(), targets, {
      looksOnly: true,
    });
    const at = `/forget?${new URLSearchParams({ q: query }).toString()}`;
    const typed = planned.length > 1 ? { number: planned.length } : undefined;
    return screen(
      context,
      `Forget ${count(planned.length, 'node')}`,
      <ForgetScreen nodes={planned} leftOut={leftOut}>
        {planned.length > 0 &&
          confirm(
            context,
            { forget: planned, typed, at },
            { verb: 'Forget', action: '/forget', isDanger: true },
          )}
      </ForgetScreen>,
    );
  });

  app.post('/forget', async (context) => {
    const said = await consented(context, await context.req.parseBody());
    if (said instanceof Response) return said;
    return context.redirect(`/jobs/${desk.start(said.shown).id}`, 303);
  });
}

/** By its words or its id alone: a name is what the machine claims. */
async function keyNamed(session: Session, text: string): Promise<NodeId> {
  const [word = '', ...others] = wordsOf(text.toLowerCase());
  const isKey = / /.test(word) || /^[a-z2-7]{16,}$/.test(word);
  if (isKey && others.length === 0) return findNode(session, word, 'decide');
  throw fail(
    'usage',
    'a new key is named by its eight words, or by 16 characters of its id or more: by nothing that its machine claims',
  );
}
