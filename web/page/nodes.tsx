import type { StatusView } from '../../admin/views/status.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { noteText } from '../../words/status.ts';
import { Time } from './frame.tsx';
import { NodeLink } from './node-name.tsx';
import { pageOf, Pages } from './pages.tsx';
import { InForce, MachineSays, States } from './state.tsx';

/** So many nodes are on a page of the list. */
export const NODES_PER_PAGE = 100;

/** What narrows the nodes down. */
export function Search({ query }: { query: string }) {
  return (
    <form class="search" method="get" action="/nodes" role="search">
      <label>
        Name (<code>web*</code> for several), words, id, or a filter such as{' '}
        <code>state=failed</code>
        <input
          type="search"
          name="q"
          id="search"
          value={query}
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <button>Search</button>
    </form>
  );
}

/** What can be done about all of a list. */
function waysOf(nodes: readonly StatusView[]): (readonly [string, string])[] {
  const decided = nodes.some(({ decision }) => decision !== undefined);
  const isOver = nodes.every(({ states }) => states.includes('revoked'));
  if (isOver) return [['/forget', 'Forget']];
  if (!decided) return [];
  return [
    ['/change', 'Change files or settings of'],
    ['/orders/renew', 'Renew'],
    ['/orders/reconfigure', 'Order a new configuration of'],
    ['/orders/revoke', 'Revoke'],
  ];
}

/** The list of nodes, narrowed down by a filter. */
export function NodesScreen({
  nodes,
  query,
  page: wanted,
  problem,
}: {
  nodes: readonly StatusView[];
  query: string;
  /** from 1 */
  page: number;
  /** why the filter is none */
  problem?: string | undefined;
}) {
  const part = pageOf(nodes, wanted, NODES_PER_PAGE);
  const { shown } = part;
  const at = (n: number): string => `/nodes?q=${encodeURIComponent(query)}&page=${n}`;
  return (
    <>
      <Search query={query} />
      {problem !== undefined && (
        <p class="caution" role="alert">
          {escapeLine(problem)}
        </p>
      )}
      <p class="lead">{count(nodes.length, 'node')}</p>
      {query !== '' && nodes.length > 0 && (
        <p class="row">
          {waysOf(nodes).map(([path, what]) => (
            <a href={`${path}?q=${encodeURIComponent(query)}`}>
              {what} {nodes.length === 1 ? 'it' : `these ${nodes.length}`}
            </a>
          ))}
        </p>
      )}
      {nodes.length === 0 && problem === undefined && <p class="empty">No node matches.</p>}
      {shown.length > 0 && (
        <div class="scroll" tabindex={0} role="region" aria-label="Nodes">
          <table class="nodes stacked">
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">State</th>
                <th scope="col">Since</th>
                <th scope="col">In force</th>
                <th scope="col">The machine says</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((view) => (
                <tr>
                  <th scope="row">
                    <NodeLink view={view} />
                    {view.notes.map((note) => (
                      <div class="caution">{noteText(note, 'page')}</div>
                    ))}
                  </th>
                  <td data-label="State">
                    <States view={view} />
                  </td>
                  <td data-label="Since">
                    {view.since !== undefined && <Time at={view.since} relative />}
                  </td>
                  <td data-label="In force">
                    <InForce view={view} />
                  </td>
                  <td data-label="It says">
                    <MachineSays view={view} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Pages part={part} at={at} />
    </>
  );
}
