import type { Objection } from '../../admin/warning.ts';
import type { NodeId } from '../../bundle/index.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { runsNames } from '../../words/warnings.ts';
import type { Field, Shown, Try } from '../desk.ts';
import { TOKEN_FIELD } from '../gate.ts';
import { isLiftable, Objections, Who } from './review.tsx';

/** What a form asks before something is done. */
export interface ConfirmProps {
  readonly verb: string;
  /** Where it is sent. */
  readonly action: '/decide' | '/reject' | '/forget';
  /** About which nodes, of which each is named, and what is to be typed. */
  readonly shown: Shown;
  /** by which the desk keeps it */
  readonly id: string;
  readonly token: string;
  readonly expiry?: 'optional' | 'required' | undefined;
  /** what stands in that field */
  readonly usualExpiry?: string | undefined;
  readonly isDanger?: boolean;
  /** Whether no form of the screen shows the words of its machine. */
  readonly withoutWords?: boolean;
  /** What it said before, and what was wrong with that. */
  readonly tried?: Try | undefined;
}

/** What any of these plans puts in place that can run or let somebody in, each once. */
export const runningIn = ({ plans = [] }: Shown): string[] => [
  ...new Set(
    plans.flatMap(({ plan }) =>
      (plan.review?.warnings ?? []).flatMap((one) =>
        one.code === 'runs_by_place' ? runsNames(one) : [],
      ),
    ),
  ),
];

/** The end of a review: who is meant, why, until when, and the button. */
export function ConfirmForm(props: ConfirmProps) {
  const { verb, action, shown, id, token, expiry, usualExpiry, isDanger = false } = props;
  const { withoutWords = false, tried } = props;
  const { plans = [], forget = [], isFixed = false, typed } = shown;
  // What is refused needs not be looked at whole, nor made against what is in force.
  const objections = distinct(plans.flatMap(({ plan }) => plan.objections)).filter(
    ({ code }) => action !== '/reject' || code === 'record_doubtful',
  );
  const about = [
    ...plans.map(({ plan: { node }, name }) => ({ node, name })),
    ...forget.map(({ node }) => ({ node, name: undefined })),
  ];
  const isOpen = objections.every(isLiftable);
  const asksReason =
    plans.length > 0 && !isFixed && !plans.some(({ plan }) => plan.statements[0].joins);
  const running = action === '/decide' ? runningIn(shown) : [];
  const hasNoWords = (node: NodeId): boolean =>
    withoutWords || (typed !== undefined && 'machine' in typed && typed.machine === node);
  return (
    <form
      method="post"
      action={action}
      class={isDanger || action === '/reject' ? 'confirm danger' : 'confirm'}
      autocomplete="off"
    >
      <h2>{verb}</h2>
      <input type="hidden" name={TOKEN_FIELD} value={token} />
      <input type="hidden" name="id" value={id} />
      <ul class="who" {...(about.length > MANY ? { tabindex: 0, 'aria-label': 'The nodes' } : {})}>
        {about.map(({ node, name }) => (
          <li>
            <Who name={name} node={node} withoutWords={hasNoWords(node)} />
          </li>
        ))}
      </ul>
      <Objections objections={objections} />
      {typed !== undefined && (
        <Input
          {...{ name: 'typed', tried, required: true }}
          label={
            'number' in typed
              ? 'Type the number of nodes'
              : "Type the eight words that the machine's console shows"
          }
          more={
            'number' in typed ? { inputmode: 'numeric' } : { class: 'words', spellcheck: false }
          }
        />
      )}
      {asksReason && (
        <Input
          {...{ name: 'reason', tried }}
          label="Reason (optional; the machine shows it)"
          more={{ maxlength: 200 }}
        />
      )}
      {expiry !== undefined && (
        <Input
          {...{ name: 'expires', tried, required: expiry === 'required' }}
          label={`Good until: 30d, 2027-01-31, or never${expiry === 'optional' ? ' (empty: never)' : ''}`}
          value={usualExpiry}
        />
      )}
      {running.length > 0 && (
        <label class="bad">
          <input type="checkbox" name="read" value="yes" required /> I read what can run or let
          somebody in: {running.join(', ')}
        </label>
      )}
      {tried?.problems.read !== undefined && <Problem id="read" text={tried.problems.read} />}
      <button {...(isOpen ? {} : { disabled: true })}>
        {verb}
        {about.length > 1 && !isFixed ? `: ${about.length} nodes` : ''}
      </button>
    </form>
  );
}

/** A list of more is scrolled in a box of its own. */
const MANY = 12;

/** A field that keeps what was written, with what is wrong with it. */
function Input({
  name,
  label,
  tried,
  value = '',
  required = false,
  more = {},
}: {
  name: Field;
  label: string;
  tried?: Try | undefined;
  value?: string | undefined;
  required?: boolean;
  more?: Readonly<Record<string, string | number | boolean>>;
}) {
  const problem = tried?.problems[name];
  // The first that is wrong is where a person goes on.
  const [first] = Object.keys(tried?.problems ?? {});
  return (
    <>
      <label>
        {label}
        <input
          {...{ name, required, ...more }}
          value={tried === undefined ? value : tried.fields[name]}
          {...(problem !== undefined && {
            ...{ 'aria-invalid': 'true', 'aria-describedby': `wrong-${name}` },
            autofocus: first === name,
          })}
        />
      </label>
      {problem !== undefined && <Problem id={name} text={problem} />}
    </>
  );
}

const Problem = ({ id, text }: { id: string; text: string }) => (
  <p class="bad" role="alert" id={`wrong-${id}`}>
    {escapeLine(text)}. Nothing was decided.
  </p>
);

/** Of the objections of many plans each that a person lifts once, and each other that is another. */
function distinct(objections: readonly Objection[]): Objection[] {
  const keyOf = (one: Objection): string => (isLiftable(one) ? one.code : JSON.stringify(one));
  return [...new Map(objections.map((one) => [keyOf(one), one])).values()];
}
