import type { Objection } from '../../admin/warning.ts';
import type { Shown } from '../desk.ts';
import { TOKEN_FIELD } from '../gate.ts';
import { isLiftable, Objections, Who } from './review.tsx';

/** What a form asks before something is signed. */
export interface ConfirmProps {
  readonly verb: string;
  /** About which nodes: each is named. */
  readonly plans: Shown['plans'];
  /** by which the desk keeps it */
  readonly id: string;
  readonly token: string;
  /** what a person types: the words of the machine, or how many nodes there are */
  readonly typed?: 'words' | 'number' | undefined;
  readonly expiry?: 'optional' | 'required' | undefined;
  /** what stands in that field */
  readonly usualExpiry?: string | undefined;
  readonly isDanger?: boolean;
}

/** The end of a review: who is meant, why, until when, and the button. */
export function ConfirmForm(props: ConfirmProps) {
  const { verb, plans, id, token, typed, expiry, usualExpiry, isDanger = false } = props;
  const objections = distinct(plans.flatMap(({ plan }) => plan.objections));
  const isOpen = objections.every(isLiftable);
  const isReject = verb === 'Reject';
  return (
    <form
      method="post"
      action={isReject ? '/reject' : '/decide'}
      class={`confirm${isReject || isDanger ? ' danger' : ''}`}
      autocomplete="off"
    >
      <h2>{verb}</h2>
      <input type="hidden" name={TOKEN_FIELD} value={token} />
      <input type="hidden" name="id" value={id} />
      {plans.length > 0 && (
        <ul class="who">
          {plans.map(({ plan, name }) => (
            <li>
              <Who name={name} node={plan.node} />
            </li>
          ))}
        </ul>
      )}
      <Objections objections={objections} />
      {typed === 'words' && (
        <label>
          Nothing is in force for this machine yet. Its eight words, as its console shows them
          <input name="typed" class="words" required spellcheck={false} />
        </label>
      )}
      {typed === 'number' && (
        <label>
          How many nodes these are
          <input name="typed" inputmode="numeric" required />
        </label>
      )}
      {!plans.some(({ plan }) => plan.statements[0].joins) && (
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
        {plans.length > 1 ? ` ${plans.length} nodes` : ''}
      </button>
    </form>
  );
}

/** Of the objections of many plans each kind once. */
function distinct(objections: readonly Objection[]): Objection[] {
  return [...new Map(objections.map((objection) => [objection.code, objection])).values()];
}
