import { signaturesText } from '../../admin/cosigned.ts';
import type { CosignedView } from '../../admin/cosigned.ts';
import type { HistoryView } from '../../admin/views/statement.ts';
import type { StatusView } from '../../admin/views/status.ts';
import type { NodeId } from '../../bundle/index.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { attestedText } from '../../words/attested.ts';
import { voidText } from '../../words/cosigned.ts';
import { decidedBy } from '../../words/decisions.ts';
import { noteText } from '../../words/status.ts';
import { warningText } from '../../words/warnings.ts';
import type { RecordWarning } from '../../admin/warning.ts';
import { Time, Waiting } from './frame.tsx';
import { Digest, Words } from './node-name.tsx';
import { MachineSays, States } from './state.tsx';

/** Everything of one node but its files. */
export function NodeScreen({
  node,
  view,
  history,
  warnings,
  cosigned,
  admin,
}: {
  node: NodeId;
  /** absent where the last look did not know of it */
  view?: StatusView | undefined;
  history: HistoryView;
  warnings: readonly RecordWarning[];
  /** what lacks signatures */
  cosigned: readonly CosignedView[];
  /** name of whose key it is */
  admin: string;
}) {
  const withBundle = history.entries.filter(
    ({ type, forgotten, digest }) => type !== 'reject' && !forgotten && !/^0+$/.test(digest),
  );
  const inForce = history.entries.find((entry) => entry.inForce);
  const { machine } = view ?? {};
  const attested = machine && 'attested' in machine ? machine.attested : undefined;
  return (
    <>
      <dl class="facts">
        {inForce !== undefined && (
          <>
            <dt>Words</dt>
            <dd>
              <Words node={node} />
            </dd>
          </>
        )}
        <dt>Id</dt>
        <dd>
          <Digest hex={node} />
        </dd>
        {view !== undefined && (
          <>
            <dt>State</dt>
            <dd>
              <States view={view} />
            </dd>
            <dt>The machine says</dt>
            <dd>
              <MachineSays view={view} />
            </dd>
            {attested !== undefined && (
              <>
                <dt>Its TPM</dt>
                <dd>{attestedText(attested)}</dd>
              </>
            )}
          </>
        )}
      </dl>
      {view?.notes.map((note) => (
        <p class="caution">{noteText(note, 'page')}</p>
      ))}
      {warnings.map((warning) => (
        <p class="caution">{warningText(warning, 'page')}</p>
      ))}
      {view !== undefined && view.waiting.length > 0 && (
        <section aria-labelledby="waits">
          <h2 id="waits">Waits</h2>
          <ul class="cards">
            {view.waiting.map(({ digest, modified, madeBy, problem }) => (
              <li>
                <article class="card">
                  <h3>
                    <a href={`/review/${node}/${digest}`}>
                      Proposal <code>{digest.slice(0, 16)}</code>
                    </a>
                  </h3>
                  <p class="dim">
                    {problem === undefined
                      ? `made by ${madeBy === 'admin' ? 'an administrator' : 'the node'}, `
                      : `it cannot be opened (${problem}), `}
                    <Waiting since={modified} />
                  </p>
                </article>
              </li>
            ))}
          </ul>
        </section>
      )}
      {cosigned.length > 0 && (
        <section aria-labelledby="lacks">
          <h2 id="lacks">Lacks signatures</h2>
          <ul class="cards">
            {cosigned.map((one) => (
              <li>
                <article class="card">
                  <h3>
                    {one.isVoid || !one.open.includes(admin) ? (
                      one.type
                    ) : (
                      <a href={`/nodes/${node}/cosign?statement=${one.statementDigest}`}>
                        {one.type}: sign as well
                      </a>
                    )}
                  </h3>
                  <p>{escapeLine(signaturesText(one))}</p>
                  {one.isVoid && <p class="caution">It is {voidText(one)}.</p>}
                  {one.reason !== '' && <blockquote>{escapeLine(one.reason)}</blockquote>}
                </article>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section aria-labelledby="record">
        <h2 id="record">Record</h2>
        {history.entries.length === 0 ? (
          <p class="empty">Nothing was ever decided about it.</p>
        ) : (
          <p>
            <a href={`/log?node=${node}`}>Verify it in this browser</a>
          </p>
        )}
        {!history.isWhole && (
          <p class="caution">
            The record begins at slot {history.entries[0]?.slot}: what was before it is not kept.
          </p>
        )}
        <ol class="timeline" reversed>
          {history.entries.toReversed().map((entry) => (
            <li class={entry.inForce ? 'now' : ''}>
              <p>
                <strong>{entry.type}</strong> (seq {entry.seq}) by {escapeLine(decidedBy(entry))},{' '}
                <Time at={entry.issued} />
                {entry.inForce && (
                  <>
                    {' '}
                    <span class="badge good">● in force</span>
                  </>
                )}
                {entry.expires !== undefined && (
                  <>
                    {entry.expired === true ? ', EXPIRED ' : ', until '}
                    <Time at={entry.expires} />
                  </>
                )}
                {entry.forgotten && ' (contents forgotten)'}
              </p>
              {entry.reason !== '' && <blockquote>{escapeLine(entry.reason)}</blockquote>}
              {entry.slot !== inForce?.slot && withBundle.includes(entry) && (
                <p>
                  <a href={`/nodes/${node}/rollback?slot=${entry.slot}`}>Roll back to this</a>
                  {inForce !== undefined && withBundle.includes(inForce) && (
                    <>
                      {' · '}
                      <a href={`/nodes/${node}/compare?from=${entry.slot}&to=${inForce.slot}`}>
                        Compare with what is in force
                      </a>
                    </>
                  )}
                </p>
              )}
            </li>
          ))}
        </ol>
        {history.junk.map(({ slot, code }) => (
          <p class="caution">
            Slot {slot} holds something that does not verify ({code}); it changes nothing.
          </p>
        ))}
      </section>
      {withBundle.length > 1 && (
        <form method="get" action={`/nodes/${node}/compare`} class="row">
          <label>
            Compare
            <select name="from">
              {withBundle.map(({ slot, type }) => (
                <option value={String(slot)}>
                  {type} in slot {slot}
                </option>
              ))}
            </select>
          </label>
          <label>
            with
            <select name="to">
              {withBundle.toReversed().map(({ slot, type }) => (
                <option value={String(slot)}>
                  {type} in slot {slot}
                </option>
              ))}
            </select>
          </label>
          <button>Compare</button>
        </form>
      )}
      {history.entries.length > 0 && (
        <section aria-labelledby="orders">
          <h2 id="orders">Decide</h2>
          <p class="row">
            {inForce !== undefined && withBundle.includes(inForce) && (
              <>
                <a class="button" href={`/change?q=${node}`}>
                  Change files or settings
                </a>
                <a class="button" href={`/nodes/${node}/renew`}>
                  Renew
                </a>
                <a class="button" href={`/nodes/${node}/transfer`}>
                  Give to a new key
                </a>
              </>
            )}
            <a class="button" href={`/nodes/${node}/reconfigure`}>
              Order a new configuration
            </a>
            <a class="button danger" href={`/nodes/${node}/revoke`}>
              Revoke
            </a>
            {history.entries.at(-1)?.type === 'revoke' && (
              <a class="button danger" href={`/forget?q=${node}`}>
                Forget
              </a>
            )}
          </p>
        </section>
      )}
    </>
  );
}
