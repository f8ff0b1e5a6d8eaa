import type { DiffView } from '../../admin/diff-view.ts';
import type { Differing, Planned } from '../../admin/groups.ts';
import type { Plan } from '../../admin/plan.ts';
import type { Review } from '../../admin/review.ts';
import type { StatusNote } from '../../admin/views/status.ts';
import type { Objection, PlanWarning, ReviewWarning } from '../../admin/warning.ts';
import { toHex } from '../../bundle/bytes.ts';
import { showPath } from '../../bundle/errors.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { aboutLines } from '../../words/bundle.ts';
import { differingText, summary } from '../../words/changes.ts';
import { noteText } from '../../words/status.ts';
import {
  doubtText,
  imageText,
  objectionText,
  runsText,
  warningText,
} from '../../words/warnings.ts';
import { Difference } from './difference.tsx';
import { Words } from './node-name.tsx';

/** What a person looks at before a decision that puts something in force. */
export interface ReviewProps {
  readonly review: Review;
  readonly plan: Plan;
  /** Where it is one change of several nodes: all of them. */
  readonly members?: readonly Planned[];
  readonly differing?: readonly Differing[];
  readonly showing?: ((path: string, line?: number) => string) | undefined;
  /** Where all of it is shown, where it is cut. */
  readonly whole?: string | undefined;
  /** Whether the words are to be typed from the console: they are not shown then. */
  readonly withoutWords?: boolean;
  /** What is odd about the machine itself. */
  readonly notes?: readonly StatusNote[];
}

/** Who and what a bundle is, what it changes, and what of that deserves a second look. */
export function ReviewPart({
  review,
  plan,
  members,
  differing = [],
  showing,
  whole,
  withoutWords = false,
  notes = [],
}: ReviewProps) {
  const { bundle, imageInForce, diff } = review;
  const isGroup = members !== undefined && members.length > 1;
  const about = aboutLines(bundle).filter(
    ([label]) =>
      (!isGroup || ['key from', 'signed by', 'image'].includes(label)) &&
      !(withoutWords && label === 'words'),
  );
  return (
    <>
      <dl class="facts">
        {about.map(([label, text]) => (
          <>
            <dt>{label}</dt>
            <dd class={label === 'words' ? 'words' : ''}>{text}</dd>
          </>
        ))}
        {imageInForce !== undefined && (
          <>
            <dt>image in force</dt>
            <dd>{escapeLine(imageText(imageInForce))}</dd>
          </>
        )}
      </dl>
      {isGroup && <Members members={members} differing={differing} showing={showing} />}
      <p class="lead">{summary(diff)}</p>
      {notes.map((note) => (
        <p class="bad">{noteText(note, 'page')}</p>
      ))}
      <Warnings warnings={[...review.warnings, ...plan.warnings]} />
      <h2>What changes</h2>
      <Difference diff={diff} showing={showing} whole={whole} />
      <Since objections={plan.objections} />
    </>
  );
}

/** What deserves a second look; of what can run at most so many are named. */
export function Warnings({
  warnings,
  most = Infinity,
}: {
  warnings: readonly (ReviewWarning | PlanWarning)[];
  most?: number;
}) {
  if (warnings.length === 0) return null;
  return (
    <ul class="warnings">
      {warnings.map((warning) => (
        <li class={GRAVE.includes(warning.code) ? 'bad' : 'caution'}>
          {warning.code === 'may_name' && '▷ '}
          {warning.code === 'runs_by_place'
            ? `▶ ${runsText(warning, most)}`
            : warningText(warning, 'page')}
        </li>
      ))}
    </ul>
  );
}

/** As their marks are: red. */
const GRAVE: readonly (ReviewWarning | PlanWarning)['code'][] = [
  'was_refused',
  'runs_by_place',
  'empty_password',
];

const pathsIn = ({ places }: Differing): string[] => [
  ...new Set(places.flatMap(({ path }) => (path === undefined ? [] : [path]))),
];

function Members({
  members,
  differing,
  showing,
}: {
  members: readonly Planned[];
  differing: readonly Differing[];
  showing: ReviewProps['showing'];
}) {
  const isProposed = members.every(({ plan }) => plan.statements[0].digest !== undefined);
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="The nodes of this change">
      <table class="nodes">
        <caption>
          The same change on {count(members.length, 'node')}
          {differing.length > 0 && ', with what differs between them'}
        </caption>
        <thead>
          <tr>
            <th scope="col">Node</th>
            {isProposed && <th scope="col">Proposal</th>}
            {differing.map((one) => (
              <th scope="col">
                {differingText(one)}
                {one.kind === 'masked' &&
                  showing !== undefined &&
                  pathsIn(one).map((path) => (
                    <>
                      {' '}
                      <a href={showing(path)}>show those of {showPath(path)}</a>
                    </>
                  ))}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {members.map(({ plan, name }, i) => (
            <tr>
              <th scope="row">
                <a href={`/nodes/${plan.node}`}>
                  {name === undefined ? plan.node : escapeLine(name)}
                </a>
              </th>
              {isProposed && (
                <td>
                  <code>{toHex(plan.statements[0].digest!).slice(0, 16)}</code>
                </td>
              )}
              {differing.map(({ values }) => (
                <td>{escapeLine(values[i]!)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Since({ objections }: { objections: readonly Objection[] }) {
  const stale = objections.find((objection) => objection.code === 'stale_base');
  const since: DiffView | undefined = stale?.since;
  if (since === undefined) return null;
  return (
    <>
      <h2>What was changed since it was made, and would be undone</h2>
      <Difference diff={since} />
    </>
  );
}

/** What stands against a decision: each wants its own yes, or cannot be had here at all. */
export function Objections({ objections }: { objections: readonly Objection[] }) {
  return (
    <>
      {objections.map((objection) => {
        const text = objected(objection);
        return isLiftable(objection) ? (
          <label class="objection">
            <input type="checkbox" name="despite" value={objection.code} required /> {text}
          </label>
        ) : (
          <p class="objection">{text}</p>
        );
      })}
    </>
  );
}

/** Whether a person may say yes all the same, here. */
export const isLiftable = ({ code }: Objection): boolean =>
  code === 'stale_base' || code === 'older_bundle' || code === 'record_doubtful';

function objected(objection: Objection): string {
  switch (objection.code) {
    case 'stale_base':
      return `${objectionText(objection)}: it undoes what was changed since. I want that.`;
    case 'older_bundle':
      return `${objectionText(objection)}. I want the older one.`;
    case 'record_doubtful':
      return `${doubtText(objection.doubt)}. I found out why, and want to decide all the same.`;
    case 'withheld':
      return `Nothing was shown of ${objection.paths.map(showPath).join(', ')}, which can hold a program: show it first.`;
    case 'cut':
      return `Not all was shown of ${objection.paths.map(showPath).join(', ')}.`;
    case 'refused_paths':
      return `The node would refuse ${objection.paths.map(showPath).join(', ')}: no list of paths has that.`;
  }
}

/** The node of a plan as a heading of a form names it. */
export function Who({
  name,
  node,
  withoutWords = false,
}: {
  name?: string | undefined;
  node: Plan['node'];
  withoutWords?: boolean;
}) {
  return (
    <>
      {name === undefined ? <code>{node}</code> : <strong>{escapeLine(name)}</strong>}
      {!withoutWords && (
        <>
          {' '}
          (<Words node={node} />)
        </>
      )}
    </>
  );
}
