import type { Child } from 'hono/jsx';
import type { Forgettable } from '../../admin/forget.ts';
import type { LeftOut } from '../../admin/many.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { LeftOuts } from './change.tsx';
import { Time } from './frame.tsx';
import { Who } from './review.tsx';

/** What goes for ever with each of these nodes. */
export function ForgetScreen({
  nodes,
  leftOut,
  children,
}: {
  nodes: readonly Forgettable[];
  leftOut: readonly LeftOut[];
  /** the question */
  children?: Child;
}) {
  return (
    <>
      {nodes.length > 0 && (
        <>
          <p class="lead">
            Every configuration, proposal, refusal and report of{' '}
            {nodes.length === 1 ? 'it' : 'them'} goes, for ever; the decisions stay.
          </p>
          <div class="scroll" tabindex={0} role="region" aria-label="What goes">
            <table class="nodes">
              <thead>
                <tr>
                  <th scope="col">Node</th>
                  <th scope="col">Revoked</th>
                  <th scope="col">Reason</th>
                  <th scope="col">Configurations</th>
                  <th scope="col">Waiting</th>
                </tr>
              </thead>
              <tbody>
                {nodes.map(({ node, revoke, bundles, waiting }) => (
                  <tr>
                    <th scope="row">
                      <Who node={node} />
                    </th>
                    <td>
                      <Time at={revoke.frame.statement.issued} />
                    </td>
                    <td>{escapeLine(revoke.frame.statement.reason)}</td>
                    <td>{bundles}</td>
                    <td>{waiting}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <LeftOuts leftOut={leftOut} />
      {children}
    </>
  );
}
