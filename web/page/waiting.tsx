import type { Group } from '../../admin/groups.ts';
import type { LeftOut } from '../../admin/many.ts';
import { STATES, WRONG } from '../../admin/views/states.ts';
import type { StatusView } from '../../admin/views/status.ts';
import type { ReviewWarning } from '../../admin/warning.ts';
import { toHex } from '../../bundle/bytes.ts';
import type { NodeId } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { headingOf } from '../../words/changes.ts';
import { leftOutText } from '../../words/left-out.ts';
import { nameText, noteText } from '../../words/status.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { sharesName } from '../desk.ts';
import type { Picture, Waits } from '../desk.ts';
import { Waiting } from './frame.tsx';
import { NodeLink, Words } from './node-name.tsx';
import { Search } from './nodes.tsx';
import { pageOf, Pages } from './pages.tsx';
import { Warnings } from './review.tsx';
import { Badge, MachineSays, States } from './state.tsx';

/** So many changes, and nodes that have something wrong, are on a page. */
const CARDS_PER_PAGE = 100;

/** Where a group is reviewed: it is named by its first proposal, and looked up again there. */
export const groupPath = ({ members: [{ plan }] }: Group): string =>
  `/review/${plan.node}/${toHex(plan.statements[0].digest!)}`;

/** The first screen: what needs a person on one side, what is fine on the other. */
export function WaitingScreen({
  picture,
  waits,
  viewOf,
  page: wanted,
}: {
  picture: Picture;
  waits: Waits;
  viewOf: ViewOf;
  /** from 1 */
  page: number;
}) {
  const { nodes, waiting, wrong, tally, left, at } = picture;
  const since = Math.min(...waiting.flatMap((view) => view.waiting.map((one) => one.modified)));
  const nobody = nodes.length === 0 && at !== undefined;
  const cards = [
    ...waits.groups.map((group) => () => <GroupCard group={group} viewOf={viewOf} />),
    ...waits.leftOut.map((one) => () => <LeftOutCard one={one} />),
    ...wrong.map((view) => () => <WrongCard view={view} />),
  ];
  const part = pageOf(cards, wanted, CARDS_PER_PAGE);
  const { shown } = part;
  return (
    <>
      <p class="lead">
        {at === undefined
          ? left > 0
            ? `Reading: ${count(left, 'object')} to go.`
            : 'Looking at the nodes.'
          : waiting.length === 0
            ? 'Nothing waits.'
            : `${count(waiting.length, 'node')} ${waiting.length === 1 ? 'waits' : 'wait'}`}
        {at !== undefined && waiting.length > 0 && (
          <>
            {waiting.length === 1 ? ', ' : ', the first '}
            <Waiting since={since} />.
          </>
        )}
        {at !== undefined && wrong.length > 0 && ` ${wrongText(picture)}.`}
      </p>
      <div class="columns">
        <section aria-labelledby="needs">
          <h2 id="needs">Needs a person</h2>
          {nobody && (
            <p class="empty">
              There is no node yet. A machine that boots your image and has no configuration makes
              one, and waits here.
            </p>
          )}
          {!nobody && at !== undefined && wrong.length + waiting.length === 0 && (
            <p class="empty">Nothing waits, and nothing is wrong.</p>
          )}
          <ul class="cards">
            {shown.map((card) => (
              <li>{card()}</li>
            ))}
          </ul>
          <Pages part={part} at={(n) => `/?page=${n}`} />
        </section>
        <section aria-labelledby="fine">
          <h2 id="fine">All nodes</h2>
          <Search query="" />
          <Tally nodes={nodes} tally={tally} />
        </section>
      </div>
    </>
  );
}

/** `1 node failed, 2 nodes expired`: a node in several of these states is in each number. */
function wrongText({ tally, wrong }: Picture): string {
  const sharing = wrong.filter(sharesName).length;
  return [
    ...WRONG.flatMap((state) => {
      const number = tally.get(state);
      return number === undefined ? [] : [`${count(number, 'node')} ${state}`];
    }),
    ...(sharing > 0 ? [`${count(sharing, 'node')} with a name of another`] : []),
  ].join(', ');
}

function LeftOutCard({ one }: { one: LeftOut }) {
  return (
    <article class="card">
      <h3>
        <a href={`/nodes/${one.node}`}>
          {one.name === undefined ? one.node.slice(0, 16) : escapeLine(one.name)}
        </a>
      </h3>
      <p>{escapeLine(leftOutText(one, 'page').message)}</p>
    </article>
  );
}

function WrongCard({ view }: { view: StatusView }) {
  return (
    <article class="card">
      <h3>
        <NodeLink view={view} /> <States view={view} />
      </h3>
      {view.notes.map((note) => (
        <p class="caution">{noteText(note, 'page')}</p>
      ))}
      {view.machine !== undefined && (
        <p>
          <span class="dim">the machine says:</span> <MachineSays view={view} />
        </p>
      )}
    </article>
  );
}

/** So many files of a kind are named on a card: the review names all. */
const NAMED_ON_CARD = 8;

/** What a person has to know before they choose what to look at first. */
const ON_CARD: readonly ReviewWarning['code'][] = ['was_refused', 'runs_by_place', 'may_name'];

type ViewOf = (node: NodeId) => StatusView | undefined;

function GroupCard({ group, viewOf }: { group: Group; viewOf: ViewOf }) {
  const { members } = group;
  const [{ plan }] = members;
  const view = viewOf(plan.node);
  const isFirst = view?.decision === undefined;
  const since = Math.min(
    ...members.flatMap((one) => viewOf(one.plan.node)?.waiting.map((w) => w.modified) ?? []),
  );
  return (
    <article class="card">
      <h3>
        <a href={groupPath(group)}>{headingOf(group)}</a>{' '}
        <Badge state={isFirst ? 'first' : 'waiting'} />
      </h3>
      {members.length === 1 && (
        <p>
          {!isFirst && <Words node={plan.node} />}
          {view !== undefined && view.name === undefined && (
            <span class="dim"> {nameText(view)}</span>
          )}
        </p>
      )}
      <p class="dim">
        {Number.isFinite(since) && (
          <>
            <Waiting since={since} />
          </>
        )}
      </p>
      <Warnings
        warnings={plan.review!.warnings.filter(({ code }) => ON_CARD.includes(code))}
        most={NAMED_ON_CARD}
      />
      {view?.notes.map((note) => (
        <p class="caution">{noteText(note, 'page')}</p>
      ))}
    </article>
  );
}

/** How many nodes are in each state, each a way to those. */
export function Tally({ nodes, tally }: Pick<Picture, 'nodes' | 'tally'>) {
  const counts = STATES.flatMap((state) => {
    const number = tally.get(state);
    return number === undefined ? [] : [[state, number] as const];
  });
  return (
    <ul class="tally">
      {counts.map(([state, number]) => (
        <li>
          <a href={`/nodes?q=${encodeURIComponent(`state=${state}`)}`}>
            <Badge state={state} /> <span class="number">{number}</span>
          </a>
        </li>
      ))}
      <li>
        <a href="/nodes">
          all <span class="number">{nodes.length}</span>
        </a>
      </li>
    </ul>
  );
}
