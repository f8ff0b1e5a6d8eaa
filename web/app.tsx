import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { html } from 'hono/html';
import { streamSSE } from 'hono/streaming';
import type { Child } from 'hono/jsx';
import { planApprove } from '../admin/approve.ts';
import { lookAtCosigned } from '../admin/cosign.ts';
import { cosignedView } from '../admin/cosigned.ts';
import { diffView } from '../admin/diff-view.ts';
import { readEvidence } from '../admin/evidence.ts';
import { findBundle, lookAt } from '../admin/find.ts';
import { groupsOf } from '../admin/groups.ts';
import type { Group, Planned } from '../admin/groups.ts';
import { planApproveMany } from '../admin/many.ts';
import { openEntry } from '../admin/open.ts';
import { planReject } from '../admin/orders.ts';
import { checkReason } from '../admin/plan.ts';
import type { Plan } from '../admin/plan.ts';
import { pathsOf } from '../admin/review.ts';
import type { Review } from '../admin/review.ts';
import { isFirst, namesOf, selectNodes } from '../admin/select.ts';
import type { Objection } from '../admin/warning.ts';
import { historyView } from '../admin/views/statement.ts';
import { nameKey } from '../admin/views/status.ts';
import type { StatusView } from '../admin/views/status.ts';
import { toHex } from '../bundle/bytes.ts';
import { CoatcheckError } from '../bundle/errors.ts';
import type { NodeId } from '../bundle/index.ts';
import { MAX_MANIFEST_BYTES } from '../bundle/manifest.ts';
import { isListedWord, nodeWords, WORDS } from '../bundle/words.ts';
import { codeOf, ERRORS, fail, mayPass } from '../protocol/errors.ts';
import { count } from '../protocol/count.ts';
import { escapeLine } from '../protocol/escape.ts';
import { isNodeId } from '../protocol/keys.ts';
import { headingOf } from '../words/changes.ts';
import { messageOf } from '../words/message.ts';
import { parseExpiry } from '../words/time.ts';
import { doubtText } from '../words/warnings.ts';
import { nameOf, nodeIn, orError, text } from './around.ts';
import type { Around, Confirmation, Consented } from './around.ts';
import { changeRoutes } from './change.tsx';
import { cutting } from './cutting.ts';
import type { Cutting } from './cutting.ts';
import type { Desk, Field, Shown } from './desk.ts';
import type { Gate } from './gate.ts';
import { leaveRoutes } from './leave.tsx';
import { orderRoutes } from './orders.tsx';
import { wordsOf } from './meant.ts';
import { ConfirmForm, runningIn } from './page/confirm.tsx';
import { Difference } from './page/difference.tsx';
import { EnterScreen } from './page/enter.tsx';
import { Frame } from './page/frame.tsx';
import { isDone, JobScreen } from './page/job.tsx';
import { NodeScreen } from './page/node.tsx';
import { NodesScreen } from './page/nodes.tsx';
import { RecordPart } from './page/record.tsx';
import { ReviewPart } from './page/review.tsx';
import type { ReviewProps } from './page/review.tsx';
import { WaitingScreen } from './page/waiting.tsx';
import { pathsOfValues, showingAt, unmasked } from './unmasked.ts';

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  // Not `no-referrer`: a browser then sends its own forms with the origin `null`.
  'referrer-policy': 'same-origin',
};

/** A file of a bundle, where each byte is a line end that a form writes as two; and what is beside it. */
const MAX_FORM_BYTES = 2 * MAX_MANIFEST_BYTES + 65_536;

/** Between two signs that a stream lives, milliseconds. */
const HEARTBEAT_MILLISECONDS = 15_000;

/**
 * The page as an app, behind its gate.
 * @param usualExpiry until when approvals are good unless somebody says otherwise, as `parseExpiry` takes it
 */
export function createPage(desk: Desk, gate: Gate, usualExpiry: string | undefined): Hono {
  const app = new Hono();
  const around: Around = { app, desk, gate, usualExpiry, screen, confirm, consented, viewOf };
  app.use(async (context, next) => {
    desk.visited();
    await next();
    desk.visited();
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    // The name of the host is new with every start: what a program brings with it is read once.
    const isAsset = context.req.path.startsWith('/assets/') && context.res.ok;
    context.header('cache-control', isAsset ? 'private, max-age=86400, immutable' : 'no-store');
  });
  app.use(
    bodyLimit({
      maxSize: MAX_FORM_BYTES,
      onError: () => {
        throw fail('body_too_large', `a form has at most ${MAX_FORM_BYTES} bytes`);
      },
    }),
  );
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
    ['log.js', 'text/javascript'],
    ['times.js', 'text/javascript'],
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

  app.get('/stands/:id', (context) =>
    context.text(desk.stands(context.req.param('id')) ? 'yes' : 'no'),
  );

  app.get('/', (context) =>
    screen(
      context,
      'Waiting',
      <WaitingScreen
        picture={desk.picture()}
        waits={desk.waits()}
        viewOf={viewOf}
        page={pageIn(context)}
      />,
      { isLive: true },
    ),
  );

  app.get('/nodes', (context) => {
    const query = context.req.query('q') ?? '';
    const { nodes, problem } = found(query);
    return screen(
      context,
      'Nodes',
      <NodesScreen nodes={nodes} query={query} page={pageIn(context)} problem={problem} />,
      { isLive: true },
    );
  });

  function found(query: string): { nodes: readonly StatusView[]; problem?: string } {
    const { nodes } = desk.picture();
    const words = wordsOf(query);
    if (words.length === 0) return { nodes };
    try {
      const now = Math.floor(Date.now() / 1000);
      return { nodes: selectNodes(nodes, { nodes: words }, 'show', now).views };
    } catch (error) {
      if (!(error instanceof CoatcheckError)) throw error;
      // Who looks for a name, or for a part of it, wants all that have it, also where one alone could be decided about.
      const [word = '', ...more] = words;
      const near = nodes.filter((view) =>
        namesOf(view, 'show').some((name) => nameKey(name).includes(word.toLowerCase())),
      );
      if (more.length === 0 && near.length > 0) return { nodes: near };
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
    const cut = cutting(context);
    return screen(
      context,
      `${nameOf(viewOf(node), node)}: slot ${from} and slot ${to}`,
      <Difference diff={cut.cut(diff)} whole={cut.whole} />,
    );
  });

  app.get('/log', async (context) => {
    const node = context.req.query('node');
    if (node !== undefined && !isNodeId(node)) throw fail('not_found', 'that is no id of a node');
    const { site } = await desk.session();
    const record = `/log/record${node === undefined ? '' : `?node=${node}`}`;
    return screen(
      context,
      node === undefined ? 'Record' : `Record: ${nameOf(viewOf(node), node)}`,
      <>
        <p>
          {node === undefined
            ? 'Of every machine: who decided what. '
            : 'Who decided what about this machine. '}
          This browser verifies it itself, from what the store holds. coatcheck log --html FILE
          writes the same for an auditor.
        </p>
        <RecordPart record={record} digest={toHex(site.pinned.digest)} />
        <script src="/assets/log.js" type="module"></script>
      </>,
    );
  });

  app.get('/log/record', async (context) => {
    const node = context.req.query('node');
    if (node !== undefined && !isNodeId(node)) throw fail('not_found', 'that is no id of a node');
    try {
      return context.json(await readEvidence(await desk.session(), node));
    } catch (error) {
      const code = codeOf(error);
      return context.text(`${messageOf(error)} [${code}]`, ERRORS[code].status as 400 | 500);
    }
  });

  app.get('/review/:node/:digest', async (context) => {
    const node = nodeIn(context);
    const digest = context.req.param('digest');
    const shows = context.req.queries('show') ?? [];
    const session = await desk.session();
    const group = groupWith(node, digest);
    const wish = { reason: '', stat: false, showSecrets: shows };
    const values = context.req.queries('value') ?? [];
    const at = `/review/${node}/${digest}`;
    const cut = cutting(context);
    const showing = showingAt(cut.at(at), shows, values);
    if (group !== undefined && group.members.length > 1) {
      const planOf = async (members: readonly Planned[], showSecrets: readonly string[]) => {
        const targets = members.map(({ plan }) => ({ node: plan.node, named: false }));
        const asked = { ...wish, showSecrets };
        return (await planApproveMany(session, targets, asked, { looksOnly: true })).planned;
      };
      const planned = await planOf(group.members, shows);
      const now = groupsOf(planned, { showSecrets: shows }).find(({ members }) =>
        members.some(({ plan }) => plan.node === node),
      );
      if (now !== undefined && now.members.length > 1) {
        const [{ plan }] = now.members;
        const [whole] =
          values.length === 0
            ? []
            : await planOf([now.members[0]], [...shows, ...pathsOfValues(values)]);
        const review = values.length === 0 ? plan.review! : unmasked(plan, whole?.plan, values);
        return reviewGroup(context, now, review, { showing, at, cut });
      }
    }
    const standing = await lookAt(session, node);
    const place = findBundle(standing, digest);
    const plan = await planApprove(session, standing, { ...wish, place });
    const view = viewOf(node);
    const name = view?.name;
    const first = standing.history.inForce === undefined;
    const named = { plan, ...(name !== undefined && { name }) };
    const asked: Shown = {
      ...{ plans: [named], at },
      ...(first && { typed: { machine: node } }),
    };
    const whole =
      values.length === 0
        ? undefined
        : await planApprove(session, standing, {
            ...{ ...wish, place, showSecrets: [...shows, ...pathsOfValues(values)] },
          });
    const review = whole === undefined ? plan.review! : unmasked(plan, whole, values);
    const seen = cut.shown(plan, review);
    return screen(
      context,
      `Review: ${nameOf(view, node)}`,
      <>
        <ReviewPart
          {...seen}
          showing={showing}
          whole={cut.whole}
          withoutWords={first}
          notes={view?.notes ?? []}
        />
        {confirm(
          context,
          { ...asked, plans: [{ ...named, plan: seen.plan }] },
          {
            ...{ verb: 'Approve', action: '/decide', expiry: 'optional', usualExpiry },
            withoutWords: first,
          },
        )}
        {place.where === 'pending' &&
          confirm(
            context,
            { plans: [named], at },
            { verb: 'Reject', action: '/reject', withoutWords: first },
          )}
      </>,
    );
  });

  function reviewGroup(
    context: Context,
    { members, differing }: Group,
    review: Review,
    {
      at,
      showing,
      cut,
    }: Pick<ReviewProps, 'showing'> & {
      readonly at: string;
      readonly cut: Cutting;
    },
  ): Response | Promise<Response> {
    const [first, ...others] = members;
    const seen = cut.shown(first.plan, review);
    const plans = [{ ...first, plan: seen.plan }, ...others];
    const consent: Shown = { plans, typed: { number: members.length }, at };
    return screen(
      context,
      `Review: ${headingOf({ members, differing })}`,
      <>
        <ReviewPart
          {...seen}
          members={members}
          differing={differing}
          showing={showing}
          whole={cut.whole}
        />
        {confirm(context, consent, {
          ...{ verb: 'Approve', action: '/decide', expiry: 'optional', usualExpiry },
        })}
        {confirm(context, consent, { verb: 'Reject', action: '/reject' })}
      </>,
    );
  }

  app.post('/decide', async (context) => {
    const form = await context.req.parseBody({ all: true });
    const said = await consented(context, form);
    if (said instanceof Response) return said;
    const { shown, reason, expires } = said;
    const plans = shown.plans?.map((one) => ({ ...one, plan: saying(one.plan, reason, expires) }));
    const meant = shown.isFixed === true ? shown : { ...shown, ...(plans && { plans }) };
    return context.redirect(`/jobs/${desk.start(meant, { despite: despiteIn(form) }).id}`, 303);
  });

  app.post('/reject', async (context) => {
    const form = await context.req.parseBody({ all: true });
    const said = await consented(context, form);
    if (said instanceof Response) return said;
    const {
      shown: { plans = [], at },
      reason,
    } = said;
    const session = await desk.session();
    const refusals: { plan: Plan; name?: string }[] = [];
    for (const { plan, ...named } of plans) {
      const standing = await lookAt(session, plan.node);
      refusals.push({
        ...named,
        plan: await planReject(session, standing, { digest: digestOf(plan), reason }),
      });
    }
    const job = desk.start({ plans: refusals, at }, { despite: despiteIn(form) });
    return context.redirect(`/jobs/${job.id}`, 303);
  });

  app.get('/jobs/:id', async (context) => {
    const job = desk.job(context.req.param('id'));
    if (job === undefined) throw fail('not_found', 'no such work is known here any more');
    const title = !job.isOver ? 'Under way' : isDone(job) ? 'Done' : 'Not all was done';
    return screen(context, title, <JobScreen job={job} />);
  });

  orderRoutes(around);
  changeRoutes(around);
  leaveRoutes(around);

  return app;

  function viewOf(node: NodeId): StatusView | undefined {
    return desk.view(node);
  }

  async function consented(
    context: Context,
    form: Readonly<Record<string, unknown>>,
  ): Promise<Consented | Response> {
    const shown = desk.kept(text(form['id']));
    if (shown === undefined) throw usedUp();
    const action = context.req.path;
    const now = (await desk.session()).client.now();
    const fields = {
      ...{ typed: text(form['typed']), reason: text(form['reason']) },
      expires: text(form['expires']).trim(),
    };
    const { typed, reason, expires } = fields;
    const until = await orError(() =>
      expires === '' ? undefined : parseExpiry(expires, now, '"Good until"'),
    );
    const problems = {
      ...problemAt('typed', await orError(() => demandTyped(shown, typed))),
      ...problemAt('reason', await orError(() => checkReason(reason))),
      ...problemAt('expires', until),
      ...(action === '/decide' && runningIn(shown).length > 0 && text(form['read']) === ''
        ? { read: 'read what can run or let somebody in first, and say so' }
        : {}),
    };
    if (until instanceof CoatcheckError || Object.keys(problems).length > 0) {
      const again = new URL(shown.here ?? shown.at, context.req.url);
      again.searchParams.set('try', desk.keepTry({ action, fields, problems }));
      return context.redirect(`${again.pathname}${again.search}`, 303);
    }
    // Sent twice at once, it is done once.
    if (!desk.use(text(form['id']))) throw usedUp();
    return { shown, reason, expires: until };
  }

  function confirm(context: Context, given: Shown, how: Confirmation): Child {
    const token = gate.tokenFor(context, how.action);
    const { pathname, search } = new URL(context.req.url);
    const shown = { ...given, here: `${pathname}${search}` };
    const tried = desk.try(context.req.query('try') ?? '');
    return (
      <ConfirmForm
        {...how}
        shown={shown}
        id={desk.keep(shown)}
        token={token}
        tried={tried?.action === how.action ? tried : undefined}
      />
    );
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
    const isOver = code === 'already_decided';
    const advice = mayPass(code)
      ? 'Try again: nothing was decided.'
      : isOver
        ? 'Nothing is left to do here.'
        : 'Nothing was decided.';
    const [, node] = /^\/review\/([a-z2-7]{32})\//.exec(context.req.path) ?? [];
    const body = (
      <>
        <p class="caution" role="alert">
          {escapeLine(messageOf(error))} <code>{code}</code>
        </p>
        <p>
          {advice} <a href="/">Back to what waits</a>
          {node !== undefined && (
            <>
              {', or '}
              <a href={`/nodes/${node}`}>to this machine</a>
            </>
          )}
        </p>
      </>
    );
    const status = ERRORS[code].status as 400 | 500;
    try {
      const answer = await screen(context, isOver ? 'Decided already' : 'That did not work', body);
      return new Response(answer.body, { status, headers: answer.headers });
    } catch (again) {
      // Without a session there is no frame.
      return context.text(`${escapeLine(messageOf(again))}\n`, 502);
    }
  }
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

const usedUp = (): Error =>
  fail('usage', 'this review was used, or is too old: load it again, and look again');

const problemAt = (field: Field, said: unknown): Partial<Record<Field, string>> =>
  said instanceof CoatcheckError ? { [field]: said.message } : {};

/** @throws declined where the page wanted something typed, and something else was */
function demandTyped({ typed }: Shown, given: string): void {
  if (typed === undefined) return;
  const said = given.trim().toLowerCase().replace(/\s+/g, ' ');
  if ('number' in typed) {
    if (said === String(typed.number)) return;
    throw fail('declined', `that is not ${typed.number}`);
  }
  if (said === nodeWords(typed.machine)) return;
  throw fail('declined', `${notTheWords(said)}: read them from the console of this machine`);
}

/** What is wrong with words that are not those of a machine, and nothing of what they should be. */
function notTheWords(said: string): string {
  const words = said.split(' ');
  const strange = words.find((word) => !isListedWord(word));
  if (strange !== undefined) return `no machine has the word “${strange.slice(0, 40)}”`;
  if (words.length !== WORDS) return `that is ${count(words.length, 'word')}, and not ${WORDS}`;
  return 'those are the words of another machine';
}

const despiteIn = (form: Readonly<Record<string, unknown>>): Objection['code'][] =>
  [form['despite'] ?? []].flat() as Objection['code'][];

/** Which part of a list is asked for, from 1. */
const pageIn = (context: Context): number =>
  Number.parseInt(context.req.query('page') ?? '1', 10) || 1;

const digestOf = ({ statements: [{ digest }] }: Plan): string =>
  digest === undefined ? '' : toHex(digest);
