import type { Child } from 'hono/jsx';
import type { Review } from '../../admin/review.ts';
import type { TransferPlans } from '../../admin/transfer.ts';
import type { StatementView } from '../../admin/views/statement.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { showPath } from '../../bundle/errors.ts';
import type { CoatcheckError } from '../../bundle/errors.ts';
import type { NodeId } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { statementLine } from '../../words/decisions.ts';
import { messageOf } from '../../words/message.ts';
import { Digest } from './node-name.tsx';
import { ReviewPart, Who } from './review.tsx';

/** Whose configuration it is. */
interface Old {
  readonly old: NodeId;
  readonly view: StatusView | undefined;
}

/** To which key a configuration is to be given: nothing is chosen for anybody. */
export function TransferAsk({
  old,
  given,
  problem,
  claiming,
}: Old & {
  readonly given: string;
  readonly problem: CoatcheckError | undefined;
  /** new keys whose machines claim its name */
  readonly claiming: readonly StatusView[];
}) {
  return (
    <>
      <p class="lead">
        What is in force is approved for the new key of the machine, and the old key is revoked.
      </p>
      {problem !== undefined && (
        <p class="caution" role="alert">
          {escapeLine(messageOf(problem))} <code>{problem.code}</code> Nothing was done.
        </p>
      )}
      {claiming.length > 0 && (
        <p>
          {count(claiming.length, 'new key')} {claiming.length === 1 ? 'claims' : 'claim'} its name:{' '}
          {claiming.map(({ node }, i) => (
            <>
              {i > 0 && ', '}
              <a href={`/nodes/${node}`}>
                <code>{node}</code>
              </a>
            </>
          ))}
          . That says nothing of which machine it is.
        </p>
      )}
      <form method="get" action={`/nodes/${old}/transfer`} class="confirm" autocomplete="off">
        <h2>The new key</h2>
        <label>
          Its eight words, as the console of the machine shows them, or its id
          <input name="to" class="words" value={given} required spellcheck={false} />
        </label>
        <button>Show what it would get</button>
      </form>
    </>
  );
}

/** What the new key gets, which secrets go with it, and what becomes of the old one. */
export function TransferScreen({
  old,
  view,
  fresh,
  inForce,
  plans: { give, take, secrets },
  review,
  whole,
  showing,
  children,
}: Old & {
  readonly fresh: NodeId;
  readonly inForce: StatementView | undefined;
  readonly plans: TransferPlans;
  readonly review: Review | undefined;
  readonly whole: string | undefined;
  readonly showing: (path: string, line?: number) => string;
  /** the question */
  readonly children?: Child;
}) {
  if (give === undefined && take === undefined)
    return (
      <p class="empty">The new key has it, and the old one is revoked: nothing is left to do.</p>
    );
  return (
    <>
      <dl class="facts">
        <dt>From</dt>
        <dd>
          <Who name={view?.name} node={old} />
        </dd>
        {inForce !== undefined && (
          <>
            <dt>In force</dt>
            <dd>{statementLine(inForce)}</dd>
          </>
        )}
        <dt>To</dt>
        <dd>
          <Digest hex={fresh} />
        </dd>
      </dl>
      {secrets.length > 0 && (
        <p class="caution">
          {count(secrets.length, 'file')} with secrets {secrets.length === 1 ? 'is' : 'are'} sealed
          to the new key, and whoever has the old one can read them still:{' '}
          {secrets.map(showPath).join(', ')}.
        </p>
      )}
      <p>
        {give === undefined
          ? 'The new key has it already: the old one is revoked, and both work until then.'
          : 'The old key is revoked then: both work until that is done.'}
      </p>
      {give !== undefined && review !== undefined && (
        <ReviewPart review={review} plan={give} showing={showing} whole={whole} withoutWords />
      )}
      {children}
    </>
  );
}
