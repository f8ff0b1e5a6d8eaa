import { CoatcheckError } from '../../bundle/errors.ts';
import type { NodeId } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { hasCode } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { messageOf } from '../../words/message.ts';
import type { Job } from '../desk.ts';

/** What became of what was signed, node by node. */
export function JobScreen({ job: { plans, done, failed, isOver } }: { job: Job }) {
  const names = new Map(plans.map(({ plan, name }) => [plan.node, name]));
  const who = (node: NodeId) => (
    <a href={`/nodes/${node}`}>
      {names.get(node) === undefined ? <code>{node}</code> : escapeLine(names.get(node)!)}
    </a>
  );
  const refused = failed.filter(({ error }) => !hasCode(error, 'undersigned'));
  const left = plans.length - done.length - failed.length;
  return (
    <>
      {!isOver && <meta http-equiv="refresh" content="1" />}
      {!isOver && (
        <p>
          <progress max={plans.length} value={done.length + failed.length} />{' '}
          {done.length + failed.length} of {plans.length}
        </p>
      )}
      {isOver && refused.length > 0 && (
        <p class="caution" role="alert">
          {count(refused.length, 'node')} of {plans.length} not decided
          {left > 0 ? `, ${left} not begun` : ''}.
        </p>
      )}
      <ul class="outcomes">
        {failed.map(({ node, error }) => (
          <li class={hasCode(error, 'undersigned') ? '' : 'caution'}>
            {who(node)}: {escapeLine(messageOf(error))}
            {error instanceof CoatcheckError && (
              <>
                {' '}
                <code>{error.code}</code>
              </>
            )}
          </li>
        ))}
        {done.map(({ node, outcomes }) => (
          <li>
            {who(node)}:{' '}
            {outcomes
              .map(
                ({ type, seq, published }) =>
                  `${type} (seq ${seq})${published ? '' : ', which nodes do not see yet: a repair finishes it'}`,
              )
              .join(', ')}
          </li>
        ))}
      </ul>
      {isOver && (
        <p>
          <a class="button" href="/">
            To what waits
          </a>
        </p>
      )}
    </>
  );
}
