import type { Objection } from '../../admin/warning.ts';
import type { Shown, Typed } from '../desk.ts';
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
}

/** The end of a review: who is meant, why, until when, and the button. */
export function ConfirmForm(props: ConfirmProps) {
  const { verb, action, shown, id, token, expiry, usualExpiry, isDanger = false } = props;
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
            <Who name={name} node={node} />
          </li>
        ))}
      </ul>
      <Objections objections={objections} />
      {typed !== undefined && <TypedField typed={typed} />}
      {asksReason && (
        <label>
          Reason, which the machine is shown
          <input name="reason" maxlength={200} />
        </label>
      )}
      {expiry !== undefined && (
        <label>
          Good until: 30d, 2027-01-31, or never
          <input name="expires" value={usualExpiry ?? ''} required={expiry === 'required'} />
        </label>
      )}
      <button {...(isOpen ? {} : { disabled: true })}>
        {verb}
        {about.length > 1 && !isFixed ? `: ${about.length} nodes` : ''}
      </button>
    </form>
  );
}

/** A list of more is scrolled in a box of its own. */
const MANY = 12;

function TypedField({ typed }: { typed: Typed }) {
  if ('number' in typed) {
    return (
      <label>
        How many nodes these are
        <input name="typed" inputmode="numeric" required />
      </label>
    );
  }
  return (
    <label>
      {typed.orId
        ? 'Nothing is in force for this machine yet. Its eight words, as its console shows them'
        : 'The eight words of the new key, as the console of the machine shows them'}
      <input name="typed" class="words" required spellcheck={false} />
    </label>
  );
}

/** Of the objections of many plans each that a person lifts once, and each other that is another. */
function distinct(objections: readonly Objection[]): Objection[] {
  const keyOf = (one: Objection): string => (isLiftable(one) ? one.code : JSON.stringify(one));
  return [...new Map(objections.map((one) => [keyOf(one), one])).values()];
}
