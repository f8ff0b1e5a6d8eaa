import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { html } from 'hono/html';
import { streamSSE } from 'hono/streaming';
import type { Child } from 'hono/jsx';
import { planApprove, planRenew } from '../admin/approve.ts';
import type { ApproveWish } from '../admin/approve.ts';
import { lookAtCosigned, planCosign } from '../admin/cosign.ts';
import { cosignedView } from '../admin/cosigned.ts';
import { diffView } from '../admin/diff-view.ts';
import type { MaskedSpan } from '../admin/diff-view.ts';
import { findBundle, lookAt } from '../admin/find.ts';
import type { Standing } from '../admin/find.ts';
import { groupsOf } from '../admin/groups.ts';
import type { Group, Planned } from '../admin/groups.ts';
import { placeInForce, planApproveMany } from '../admin/many.ts';
import { openEntry } from '../admin/open.ts';
import { planReconfigure, planReject, planRevoke, planRollback } from '../admin/orders.ts';
import { checkReason } from '../admin/plan.ts';
import type { Plan } from '../admin/plan.ts';
import { pathsOf } from '../admin/review.ts';
import type { Review } from '../admin/review.ts';
import { ORDERS } from '../admin/views/order.ts';
import { isFirst, MIN_FIRST_CHARACTERS, selectNodes } from '../admin/select.ts';
import type { Session } from '../admin/session.ts';
import type { Objection } from '../admin/warning.ts';
import { historyView } from '../admin/views/statement.ts';
import type { StatusView } from '../admin/views/status.ts';
import { toHex } from '../bundle/bytes.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import type { NodeId } from '../bundle/index.ts';
import { nodeWords } from '../bundle/words.ts';
import { codeOf, ERRORS, fail } from '../protocol/errors.ts';
import { escapeLine } from '../protocol/escape.ts';
import { isNodeId } from '../protocol/keys.ts';
import { headingOf } from '../words/changes.ts';
import { messageOf } from '../words/message.ts';
import { parseExpiry } from '../words/time.ts';
import { doubtText } from '../words/warnings.ts';
import { mayPass } from './desk.ts';
import type { Desk, Shown } from './desk.ts';
import type { Gate } from './gate.ts';
import { ConfirmForm } from './page/confirm.tsx';
import { Difference } from './page/difference.tsx';
import { EnterScreen } from './page/enter.tsx';
import { Frame } from './page/frame.tsx';
import { JobScreen } from './page/job.tsx';
import { NodeScreen } from './page/node.tsx';
import { NodesScreen } from './page/nodes.tsx';
import { ReviewPart } from './page/review.tsx';
import { WaitingScreen } from './page/waiting.tsx';

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  // Not `no-referrer`: a browser then sends its own forms with the origin `null`.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Between two signs that a stream lives, milliseconds. */
const HEARTBEAT_MILLISECONDS = 15_000;

/**
 * The page as an app, behind its gate.
 * @param usualExpiry until when approvals are good unless somebody says otherwise, as `parseExpiry` takes it
 */
export function createPage(desk: Desk, gate: Gate, usualExpiry: string | undefined): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
  });
  app.use(gate.check);
  app.onError((error, context) => failed(context, error));
  app.notFound((context) =>
    screen(context, 'Not here', <p>There is no such page.</p>, { status: 404 }),
  );

  app.get('/enter', (context) => context.html(html`<!doctype html>${(<EnterScreen />)}`));
  app.post('/enter', (context) => gate.enter(context));
  for (const [name, type] of [
    ['style.css', 'text/css'],
    ['page.js', 'text/javascript'],
  ] as const) {
    app.get(`/assets/${name}`, async (context) => {
      const text = await readFile(new URL(`./assets/${name}`, import.meta.url), 'utf8');
      return context.body(text, 200, { 'content-type': `${type}; charset=utf-8` });
    });
  }

  app.get('/events', (context) =>
    streamSSE(context, async (stream) => {
      const send = (version: number): void => {
        void stream.writeSSE({ event: 'version', data: String(version) });
      };
      send(desk.picture().version);
      const unsubscribe = desk.subscribe(send);
      stream.onAbort(unsubscribe);
      while (!stream.aborted && !stream.closed) {
        await stream.sleep(HEARTBEAT_MILLISECONDS);
        await stream.write(': still here\n\n');
      }
      unsubscribe();
    }),
  );

  app.get('/', (context) =>
    screen(context, 'Waiting', <WaitingScreen picture={desk.picture()} waits={desk.waits()} />, {
      isLive: true,
    }),
  );

  app.get('/nodes', (context) => {
    const query = context.req.query('q') ?? '';
    const page = Math.max(1, Number.parseInt(context.req.query('page') ?? '1', 10) || 1);
    const { nodes, problem } = found(query);
    return screen(
      context,
      'Nodes',
      <NodesScreen nodes={nodes} query={query} page={page} problem={problem} />,
      { isLive: true },
    );
  });

  function found(query: string): { nodes: readonly StatusView[]; problem?: string } {
    const { nodes } = desk.picture();
    const words = query
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '');
    if (words.length === 0) return { nodes: nodes.toSorted(ORDERS.state) };
    try {
      const now = Math.floor(Date.now() / 1000);
      // Eight words are one name of a machine.
      const wanted = words.every((word) => /^[a-z]{3,8}$/.test(word)) && words.length === 8;
      const texts = wanted ? [words.join(' ')] : words;
      return {
        nodes: selectNodes(nodes, { nodes: texts }, 'show', now).views.toSorted(ORDERS.state),
      };
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      return { nodes: [], problem: error.message };
    }
  }

  app.get('/nodes/:node', async (context) => {
    const node = nodeIn(context);
    const session = await desk.session();
    const standing = await lookAt(session, node);
    const record = standing.history;
    const cosigned = (await lookAtCosigned(session, standing)).map((one) =>
      cosignedView(session, one),
    );
    const view = viewOf(node);
    if (view === undefined && record.entries.length === 0)
      throw fail('not_found', `nothing is known about node ${node}`);
    return screen(
      context,
      nameOf(view, node),
      <NodeScreen
        node={node}
        view={view}
        history={historyView(node, record, session.client.now())}
        cosigned={cosigned}
        admin={session.keyset.keys[session.keyIndex]!.name}
        warnings={record.warnings}
      />,
      { isLive: true },
    );
  });

  app.get('/nodes/:node/compare', async (context) => {
    const node = nodeIn(context);
    const [from, to] = ['from', 'to'].map((name) => Number(context.req.query(name))) as [
      number,
      number,
    ];
    const session = await desk.session();
    const record = await session.history(node, (slot) => slot === from || slot === to);
    const [before, after] = await Promise.all(
      [from, to].map(async (wanted) => {
        const entry = record.entries.find(({ slot }) => slot === wanted);
        if (entry === undefined) throw fail('not_found', `node ${node} has no slot ${wanted}`);
        return (await openEntry(session, node, entry)).manifest;
      }),
    );
    const diff = diffView(before, after!, {
      ...{ showSecrets: false, stat: false },
      ...pathsOf(session),
    });
    return screen(
      context,
      `${nameOf(viewOf(node), node)}: slot ${from} and slot ${to}`,
      <Difference diff={diff} />,
    );
  });

  app.get('/review/:node/:digest', async (context) => {
    const node = nodeIn(context);
    const digest = context.req.param('digest');
    const shows = context.req.queries('show') ?? [];
    const session = await desk.session();
    const group = groupWith(node, digest);
    const wish = { reason: '', stat: false, showSecrets: shows };
    const isGroup = group !== undefined && group.members.length > 1;
    if (isGroup) {
      const targets = group.members.map(({ plan }) => ({ node: plan.node, named: false }));
      const { planned } = await planApproveMany(session, targets, wish, { looksOnly: true });
      const now = groupsOf(planned, { showSecrets: shows }).find(({ members }) =>
        members.some(({ plan }) => plan.node === node),
      );
      if (now !== undefined && now.members.length > 1) return reviewGroup(context, now);
    }
    const standing = await lookAt(session, node);
    const place = findBundle(standing, digest);
    const plan = await planApprove(session, standing, { ...wish, place });
    const view = viewOf(node);
    const name = view?.name;
    const first = standing.history.inForce === undefined;
    const named = { plan, ...(name !== undefined && { name }) };
    const id = desk.keep({ plans: [named], ...(first && { typed: node }) });
    const path = `/review/${node}/${digest}`;
    const values = context.req.queries('value') ?? [];
    const showing = (one: string, line?: number): string => {
      const asked = new URLSearchParams([
        ...[...shows, ...(line === undefined ? [one] : [])].map((each) => ['show', each]),
        ...[...values, ...(line === undefined ? [] : [`${line}:${one}`])].map((each) => [
          ...['value', each],
        ]),
      ]);
      return `${path}?${asked.toString()}`;
    };
    const unmasked = await unmaskedIn(session, standing, { ...wish, place }, plan.review!, values);
    return screen(
      context,
      `Review: ${nameOf(view, node)}`,
      <>
        <ReviewPart review={unmasked} plan={plan} showing={showing} />
        <ConfirmForm
          verb="Approve"
          plans={[named]}
          id={id}
          token={gate.tokenFor(context, '/decide')}
          typed={first ? 'words' : undefined}
          expiry="optional"
          usualExpiry={usualExpiry}
        />
        {place.where === 'pending' && (
          <ConfirmForm
            verb="Reject"
            plans={[named]}
            id={desk.keep({ plans: [named] })}
            token={gate.tokenFor(context, '/reject')}
          />
        )}
      </>,
    );
  });

  function reviewGroup(context: Context, group: Group): Response | Promise<Response> {
    const { members, differing } = group;
    const { plan } = members[0];
    const id = desk.keep({ plans: members, typed: String(members.length) });
    return screen(
      context,
      `Review: ${headingOf(group)}`,
      <>
        <ReviewPart review={plan.review!} plan={plan} members={members} differing={differing} />
        <ConfirmForm
          verb="Approve"
          plans={members}
          id={id}
          token={gate.tokenFor(context, '/decide')}
          typed="number"
          expiry="optional"
          usualExpiry={usualExpiry}
        />
        <ConfirmForm
          verb="Reject"
          plans={members}
          id={desk.keep({ plans: members, typed: String(members.length) })}
          token={gate.tokenFor(context, '/reject')}
          typed="number"
        />
      </>,
    );
  }

  app.get('/nodes/:node/:order{reconfigure|revoke|renew|rollback|cosign}', async (context) => {
    const node = nodeIn(context);
    const order = context.req.param('order') as keyof typeof COMMANDS;
    const session = await desk.session();
    const { slot, statement } = context.req.query();
    const plan = await planOrder(session, node, order, { slot: Number(slot), statement });
    const view = viewOf(node);
    const name = view?.name;
    const named = { plan, ...(name !== undefined && { name }) };
    const { verb, about } = COMMANDS[order];
    return screen(
      context,
      `${verb}: ${nameOf(view, node)}`,
      <>
        <p class="lead">{about}</p>
        {plan.review !== undefined && <ReviewPart review={plan.review} plan={plan} />}
        <ConfirmForm
          verb={verb}
          plans={[named]}
          id={desk.keep({ plans: [named] })}
          token={gate.tokenFor(context, '/decide')}
          expiry={plan.review === undefined || order === 'cosign' ? undefined : 'required'}
          usualExpiry={usualExpiry}
          isDanger={order === 'revoke'}
        />
      </>,
    );
  });

  app.post('/decide', async (context) => {
    const form = await context.req.parseBody({ all: true });
    const { plans } = consentedIn(form);
    const reason = checkReason(text(form['reason']));
    const now = (await desk.session()).client.now();
    const until = text(form['expires']).trim();
    const expires = until === '' ? undefined : parseExpiry(until, now);
    const despite = [form['despite'] ?? []].flat() as Objection['code'][];
    const job = desk.start(
      plans.map((one) => ({ ...one, plan: saying(one.plan, reason, expires) })),
      { despite },
    );
    return context.redirect(`/jobs/${job.id}`, 303);
  });

  app.post('/reject', async (context) => {
    const form = await context.req.parseBody();
    const { plans } = consentedIn(form);
    const reason = checkReason(text(form['reason']));
    const session = await desk.session();
    const refusals: { plan: Plan; name?: string }[] = [];
    for (const { plan, ...named } of plans) {
      const standing = await lookAt(session, plan.node);
      refusals.push({
        ...named,
        plan: await planReject(session, standing, { digest: digestOf(plan), reason }),
      });
    }
    const job = desk.start(refusals, {});
    return context.redirect(`/jobs/${job.id}`, 303);
  });

  app.get('/jobs/:id', async (context) => {
    const job = desk.job(context.req.param('id'));
    if (job === undefined) throw fail('not_found', 'no such work is known here any more');
    const title = job.isOver ? 'Done' : 'Under way';
    return screen(context, title, <JobScreen job={job} />);
  });

  return app;

  function viewOf(node: NodeId): StatusView | undefined {
    return desk.picture().nodes.find((view) => view.node === node);
  }

  /** @throws usage for a review that is too old; declined where something else was typed than it wants */
  function consentedIn(form: Readonly<Record<string, unknown>>): Shown {
    const shown = desk.take(text(form['id']));
    if (shown === undefined)
      throw fail('usage', 'this review was used, or is too old: load it again, and look again');
    demandTyped(shown, text(form['typed']));
    return shown;
  }

  /** A first proposal is of no group: each is approved by its own words. */
  function groupWith(node: NodeId, digest: string): Group | undefined {
    const view = viewOf(node);
    if (view === undefined || isFirst(view)) return undefined;
    return desk
      .waits()
      .groups.find(({ members }) =>
        members.some(
          ({ plan }: Planned) => plan.node === node && digestOf(plan).startsWith(digest),
        ),
      );
  }

  async function screen(
    context: Context,
    title: string,
    content: Child,
    { isLive = false, status = 200 }: { isLive?: boolean; status?: 200 | 404 } = {},
  ): Promise<Response> {
    const session = await desk.session();
    const { error, version } = desk.picture();
    const { site, keyset, keyIndex, doubts } = session;
    const alarms = [
      ...doubts.map(doubtText),
      ...(error === undefined ? [] : [`Not looked at since: ${escapeLine(messageOf(error))}`]),
    ];
    const frame = (
      <Frame
        title={title}
        site={escapeLine(site.name)}
        admin={escapeLine(keyset.keys[keyIndex]!.name)}
        alarms={alarms}
        version={isLive ? version : undefined}
      >
        {content}
      </Frame>
    );
    return context.html(html`<!doctype html>${frame}`, status);
  }

  async function failed(context: Context, error: Error): Promise<Response> {
    const code = codeOf(error);
    const advice = mayPass(error) ? 'Try again: nothing was decided.' : 'Nothing was decided.';
    const body = (
      <>
        <p class="caution" role="alert">
          {escapeLine(messageOf(error))} <code>{code}</code>
        </p>
        <p>
          {advice} <a href="/">Back to what waits</a>
        </p>
      </>
    );
    const status = ERRORS[code].status as 400 | 500;
    try {
      const answer = await screen(context, 'That did not work', body);
      return new Response(answer.body, { status, headers: answer.headers });
    } catch (again) {
      // Without a session there is no frame.
      return context.text(`${escapeLine(messageOf(again))}\n`, 502);
    }
  }
}

const COMMANDS = {
  renew: { verb: 'Renew', about: 'What is in force is approved again, with another end.' },
  rollback: { verb: 'Roll back', about: 'What was in force then is put in force again.' },
  reconfigure: {
    verb: 'Order a new configuration',
    about: 'At its next boot the machine makes a new proposal, and does not apply the old one.',
  },
  cosign: {
    verb: 'Sign as well',
    about:
      'Another administrator signed this, and it lacks signatures. What it does is worked out here anew.',
  },
  revoke: {
    verb: 'Revoke',
    about: 'At its next boot the machine applies nothing, and says who revoked it, when and why.',
  },
} as const;

async function planOrder(
  session: Session,
  node: NodeId,
  order: keyof typeof COMMANDS,
  { slot, statement }: { readonly slot: number; readonly statement: string | undefined },
): Promise<Plan> {
  const wish = { reason: '', expires: 'never', showSecrets: false, stat: false } as const;
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
      return planCosign(session, standing, begun, { showSecrets: false, stat: false });
    }
    case 'reconfigure':
      return planReconfigure(session, standing, wish);
    case 'revoke':
      return planRevoke(session, standing, wish);
  }
}

/**
 * A review with these values shown that it masks, and no others.
 * @param values `<index of the line>:<path>`
 */
async function unmaskedIn(
  session: Session,
  standing: Standing,
  wish: ApproveWish,
  review: Review,
  values: readonly string[],
): Promise<Review> {
  const wanted = new Set(values);
  if (wanted.size === 0) return review;
  const paths = values.map((value) => value.slice(value.indexOf(':') + 1));
  const whole = await planApprove(session, standing, { ...wish, showSecrets: paths });
  const shown = new Map(whole.review!.diff.files.map((file) => [file.path, file]));
  const files = review.diff.files.map((file) => {
    const isShown = ({ line }: MaskedSpan): boolean => wanted.has(`${line}:${file.path}`);
    const lines = file.lines?.slice();
    for (const span of file.masked) {
      if (isShown(span)) lines![span.line] = shown.get(file.path)!.lines![span.line]!;
    }
    const masked = file.masked.filter((span) => !isShown(span));
    return { ...file, ...(lines && { lines }), masked, maskedValues: masked.length };
  });
  return { ...review, diff: { ...review.diff, files } };
}

/** A plan with what the form says. */
function saying(plan: Plan, reason: string, expires: number | 'never' | undefined): Plan {
  const [first, ...rest] = plan.statements;
  // What others signed is signed as it is.
  if (first.joins !== undefined) return plan;
  const { expires: before, ...statement } = first;
  const end = expires ?? before;
  return {
    ...plan,
    statements: [
      { ...statement, reason, ...(typeof end === 'number' ? { expires: end } : {}) },
      ...rest,
    ],
  };
}

/** @throws declined where the page wanted something typed, and something else was */
function demandTyped({ typed }: Shown, given: string): void {
  if (typed === undefined) return;
  const said = given.trim().toLowerCase().replace(/\s+/g, ' ');
  const isRight = isNodeId(typed)
    ? said === nodeWords(typed) || (said.length >= MIN_FIRST_CHARACTERS && typed.startsWith(said))
    : said === typed;
  if (isRight) return;
  throw fail(
    'declined',
    isNodeId(typed)
      ? 'those are not the words of this machine: read them from its console'
      : `that is not ${typed}`,
  );
}

function nodeIn(context: Context): NodeId {
  const node = context.req.param('node') ?? '';
  if (!isNodeId(node)) throw fail('not_found', 'that is no id of a node');
  return node;
}

const nameOf = (view: StatusView | undefined, node: NodeId): string =>
  view?.name === undefined ? node : escapeLine(view.name);

const digestOf = ({ statements: [{ digest }] }: Plan): string =>
  digest === undefined ? '' : toHex(digest);

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
