import type { Context } from 'hono';
import { parsePath } from '../admin/alter.ts';
import type { Current } from '../admin/change.ts';
import { groupsOf } from '../admin/groups.ts';
import type { ManyPlans } from '../admin/many.ts';
import type { Session } from '../admin/session.ts';
import { showPath } from '../bundle/errors.ts';
import { CoatcheckError, utf8 } from '../bundle/index.ts';
import type { NodeId } from '../bundle/index.ts';
import { MAX_MANIFEST_BYTES } from '../bundle/manifest.ts';
import { count } from '../protocol/count.ts';
import { fail } from '../protocol/errors.ts';
import { decodeBytes } from '../protocol/escape.ts';
import { isNodeId } from '../protocol/keys.ts';
import { shortName } from '../words/names.ts';
import { orError, text } from './around.ts';
import type { Around } from './around.ts';
import { cutting } from './cutting.ts';
import { digestOf, isHiding, openFile, planDraft, readThese } from './draft.ts';
import type { Draft, DraftChange } from './draft.ts';
import { nodesMeant } from './meant.ts';
import { ChangeScreen, DraftScreen, FileScreen } from './page/change.tsx';
import { pathsOfValues, showingAt, unmasked } from './unmasked.ts';

/** What is in force is changed: a file that is written in or put, one that is taken out, a setting. */
export function changeRoutes({ app, desk, gate, screen, confirm }: Around): void {
  app.get('/change', async (context) => {
    const { query, session, nodes, leftOut } = await meant(context);
    return screen(
      context,
      `Change ${whoOf(nodes)}`,
      <ChangeScreen
        query={query}
        nodes={nodes}
        leftOut={leftOut}
        paths={session.site.paths}
        token={gate.tokenFor(context, '/change')}
      />,
    );
  });

  app.get('/change/file', async (context) => {
    const { query, session, nodes, leftOut } = await meant(context);
    const path = parsePath(context.req.query('path')?.trim() ?? '');
    const opened = openFile(session, nodes, path);
    const isAsked = context.req.query('unmask') !== undefined;
    const isHidden = opened.view !== undefined && isHiding(opened.view) && !isAsked;
    const asked = new URLSearchParams({ q: query, path, unmask: '' });
    return screen(
      context,
      `${showPath(path)} of ${whoOf(nodes)}`,
      <FileScreen
        path={path}
        nodes={nodes}
        leftOut={leftOut}
        opened={opened}
        unmask={isHidden ? `/change/file?${asked.toString()}` : undefined}
        written={isHidden ? '' : decodeBytes(opened.content ?? new Uint8Array())}
        base={digestOf(opened.content)}
        token={gate.tokenFor(context, '/change')}
      />,
    );
  });

  app.post('/change', async (context) => {
    const form = await context.req.parseBody({ all: true });
    const nodes = [form['node'] ?? []].flat().filter((node) => isNodeId(text(node)));
    const draft: Draft = {
      nodes: nodes as string[] as NodeId[],
      change: await changeIn(form),
      expires: text(form['expires']).trim(),
    };
    return context.redirect(`/drafts/${desk.keepDraft(draft)}`, 303);
  });

  app.get('/drafts/:id', async (context) => {
    const at = `/drafts/${context.req.param('id')}`;
    const draft = draftIn(context);
    const session = await desk.session();
    const [shows, values] = ['show', 'value'].map((name) => context.req.queries(name) ?? []) as [
      string[],
      string[],
    ];
    const plans = await orError(() => planDraft(session, draft, shows));
    if (plans instanceof CoatcheckError)
      return screen(context, titleOf(draft), <DraftScreen at={at} draft={draft} problem={plans} />);
    const whole =
      values.length === 0
        ? []
        : (await planDraft(session, draft, [...shows, ...pathsOfValues(values)])).planned;
    const cut = cutting(context);
    const groups = groupsOf(plans.planned, { showSecrets: shows });
    const reviews = groups.map((group) => {
      const [{ plan }] = group.members;
      // An index of a line is of one review alone.
      const own = values.filter((value) => value.startsWith(`${plan.node} `));
      const other = whole.find((one) => one.plan.node === plan.node)?.plan;
      const wanted = own.map((value) => value.slice(plan.node.length + 1));
      const review = own.length === 0 ? plan.review! : unmasked(plan, other, wanted);
      return {
        ...{ group, ...cut.shown(plan, review) },
        showing: showingAt(cut.at(at), shows, values, plan.node),
      };
    });
    const members = reviews.flatMap(
      ({
        group: {
          members: [first, ...others],
        },
        plan,
      }) => [{ ...first, plan }, ...others],
    );
    const typed = members.length > 1 ? { number: members.length } : undefined;
    return screen(
      context,
      titleOf(draft),
      <DraftScreen
        at={at}
        draft={draft}
        reviews={reviews}
        leftOut={plans.leftOut}
        whole={cut.whole}
      >
        {members.length > 0 &&
          confirm(context, { plans: members, typed, at }, { verb: 'Change', action: '/decide' })}
      </DraftScreen>,
    );
  });

  app.get('/drafts/:id/edit', async (context) => {
    const { nodes: meantNodes, change, expires } = draftIn(context);
    if (change.kind !== 'file') throw fail('not_found', 'nothing was written in this change');
    const { path, content, opened: base } = change;
    const session = await desk.session();
    const { planned: nodes, leftOut } = await readThese(session, meantNodes);
    const opened = openFile(session, nodes, path);
    // Who looks at what is there now, and sends this again, means that.
    const now = opened.versions.length > 0 ? base : digestOf(opened.content);
    return screen(
      context,
      `${showPath(path)} of ${whoOf(nodes)}`,
      <FileScreen
        path={path}
        nodes={nodes}
        leftOut={leftOut}
        opened={opened}
        written={decodeBytes(content)}
        base={now ?? ''}
        isMoved={base !== undefined && now !== base}
        fields={{ ...change, expires }}
        token={gate.tokenFor(context, '/change')}
      />,
    );
  });

  function draftIn(context: Context): Draft {
    const draft = desk.draft(context.req.param('id') ?? '');
    if (draft === undefined)
      throw fail('not_found', 'no such change is kept here any more: write it again');
    return draft;
  }

  /** The nodes that an address means, with what is in force for each, by name. */
  async function meant(context: Context): Promise<Meant> {
    const query = context.req.query('q')?.trim() ?? '';
    const { nodes, leftOut } = nodesMeant(desk.picture(), query, 'approve');
    const session = await desk.session();
    const read = await readThese(session, nodes);
    return {
      ...{ query, session, leftOut: [...leftOut, ...read.leftOut] },
      nodes: read.planned.toSorted((a, b) => inOrder.compare(shortName(a), shortName(b))),
    };
  }
}

interface Meant {
  readonly query: string;
  readonly session: Session;
  readonly nodes: readonly Current[];
  readonly leftOut: ManyPlans<Current>['leftOut'];
}

const inOrder = new Intl.Collator('en', { numeric: true });

/** @throws usage for what cannot be told beside it; too_large */
async function changeIn(form: Readonly<Record<string, unknown>>): Promise<DraftChange> {
  const [kind, path] = [text(form['kind']), text(form['path'])];
  if (kind === 'set') return { kind, setting: text(form['setting']).trim() };
  if (kind === 'remove') return { kind, path: parsePath(path) };
  const [mode, owner] = [text(form['mode']).trim(), text(form['owner']).trim()];
  const file = { kind: 'file', path: parsePath(path), mode, owner } as const;
  if (kind === 'edit') {
    // A form has line ends of its own.
    const content = utf8(text(form['content']).replace(/\r\n?/g, '\n'));
    const opened = text(form['base']);
    return { ...file, content: bounded(content), ...(opened !== '' && { opened }) };
  }
  const upload = form['upload'];
  if (kind !== 'put' || !(upload instanceof File) || upload.name === '')
    throw fail('usage', 'choose a file to put there: nothing was done');
  return { ...file, content: bounded(new Uint8Array(await upload.arrayBuffer())) };
}

function bounded(content: Uint8Array): Uint8Array {
  if (content.length <= MAX_MANIFEST_BYTES) return content;
  throw fail(
    'too_large',
    `a file of ${content.length} bytes is in no bundle, which has at most ${MAX_MANIFEST_BYTES}`,
  );
}

function titleOf({ change, nodes }: Draft): string {
  const what =
    change.kind === 'set'
      ? 'A setting'
      : `${showPath(change.path)}${change.kind === 'remove' ? ' taken out' : ''}`;
  return `${what}, for ${count(nodes.length, 'node')}`;
}

const whoOf = (nodes: readonly Current[]): string =>
  nodes.length <= 1 ? nodes.map(shortName).join('') || 'no node' : count(nodes.length, 'node');
