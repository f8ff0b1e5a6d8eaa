import { CoatcheckError } from '../../bundle/errors.ts';
import type { NodeId, StatementType } from '../../bundle/index.ts';
import { count } from '../../protocol/count.ts';
import { hasCode } from '../../protocol/errors.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { messageOf } from '../../words/message.ts';
import type { Ended, Job } from '../desk.ts';

const refusedIn = ({ ended }: Job) =>
  ended.filter((one) => 'error' in one && !hasCode(one.error, 'undersigned'));

/** Whether all that was asked for was done, or waits for another administrator. */
export const isDone = (job: Job): boolean =>
  job.ended.length === job.about.length && refusedIn(job).length === 0;

/** What became of what was asked for, node by node: what was not done first. */
export function JobScreen({ job }: { job: Job }) {
  const { about, ended, at, isOver } = job;
  const known = new Map(about.map((one) => [one.node, one]));
  const who = (node: NodeId) => {
    const { name, claims } = known.get(node) ?? {};
    return (
      <>
        <a href={`/nodes/${node}`}>{name === undefined ? <code>{node}</code> : escapeLine(name)}</a>
        {claims !== undefined && `, which claims ${escapeLine(claims)}`}
      </>
    );
  };
  const failed = ended.filter((one) => 'error' in one);
  const refused = refusedIn(job);
  const untried = about.slice(ended.length);
  return (
    <>
      {!isOver && <meta http-equiv="refresh" content="1" />}
      {!isOver && (
        <p>
          <progress max={about.length} value={ended.length} /> {ended.length} of {about.length}
        </p>
      )}
      {isOver && refused.length > 0 && (
        <p class="caution" role="alert">
          Not done for {count(refused.length, 'node')} of {about.length}
          {untried.length > 0 ? `, and not begun for ${untried.length}` : ''}.
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
        {isOver &&
          untried.map(({ node }) => <li class="caution">{who(node)}: nothing was done.</li>)}
        {ended.map((one) =>
          'error' in one ? null : (
            <li>
              {who(one.node)}: {doneText(one, known.get(one.node)?.isFirst === true)}
            </li>
          ),
        )}
      </ul>
      {isOver && (
        <p class="row">
          {refused.length > 0 && (
            <a class="button" href={at}>
              Look again at what was not done
            </a>
          )}
          <a class={refused.length > 0 ? '' : 'button'} href="/">
            To what waits
          </a>
        </p>
      )}
    </>
  );
}

const DONE: Readonly<Record<StatementType, string>> = {
  approve: 'approved',
  reject: 'refused',
  rollback: 'rolled back',
  reconfigure: 'ordered to make a new configuration',
  revoke: 'revoked',
};

const HAS_IT = 'The machine has it with its next boot or refresh.';

/** What the machine makes of it (docs/node.md). */
const THEN: Readonly<Record<StatementType, string>> = {
  approve: HAS_IT,
  rollback: HAS_IT,
  reject:
    'What it changed on itself may run there now: with its next boot it gets what is in force for it.',
  reconfigure: 'The machine makes a new proposal at its next boot.',
  revoke: 'The machine applies nothing from its next boot on.',
};

const NOTHING = 'The machine gets no configuration: nothing was ever approved for it.';

/** @param isFirst whether nothing was in force before */
function doneText(ended: Exclude<Ended, { readonly error: unknown }>, isFirst: boolean): string {
  if ('outcomes' in ended) {
    return ended.outcomes
      .map(({ type, seq, published }) =>
        published
          ? `${DONE[type]} (seq ${seq}). ${type === 'reject' && isFirst ? NOTHING : THEN[type]}`
          : `${DONE[type]} (seq ${seq}), which the machine does not see yet: a repair finishes it.`,
      )
      .join(' ');
  }
  const { slots, removed, junk } = ended.forgotten;
  const said = `forgotten: ${count(slots.length, 'configuration')}, ${count(removed.length, 'other object')}`;
  return junk.length === 0
    ? said
    : `${said}; ${count(junk.length, 'slot')} of its history holds what is no decision, and that stays`;
}
