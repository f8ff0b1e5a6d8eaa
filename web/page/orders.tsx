import type { Child } from 'hono/jsx';
import type { LeftOut, Ordered } from '../../admin/many.ts';
import { statementView } from '../../admin/views/statement.ts';
import { statementLine } from '../../words/decisions.ts';
import { LeftOuts } from './change.tsx';
import { Warnings, Who } from './review.tsx';

/** The same order about many nodes: what is in force for each of them. */
export function OrdersScreen({
  about,
  plans,
  leftOut,
  now,
  children,
}: {
  about: string;
  plans: readonly Ordered[];
  leftOut: readonly LeftOut[];
  /** unix seconds */
  now: number;
  /** the question */
  children?: Child;
}) {
  const warned = plans.flatMap(({ plan }) => plan.warnings);
  const warnings = new Map(warned.map((warning) => [JSON.stringify(warning), warning]));
  return (
    <>
      <p class="lead">{about}</p>
      {plans.length > 0 && (
        <div class="scroll" tabindex={0} role="region" aria-label="What is in force">
          <table class="nodes">
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">In force</th>
              </tr>
            </thead>
            <tbody>
              {plans.map(({ plan: { node }, name, standing: { history } }) => (
                <tr>
                  <th scope="row">
                    <Who name={name} node={node} />
                  </th>
                  <td>
                    {history.inForce === undefined
                      ? 'nothing'
                      : statementLine(statementView(history.inForce.frame, now))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Warnings warnings={[...warnings.values()]} />
      <LeftOuts leftOut={leftOut} />
      {children}
    </>
  );
}
