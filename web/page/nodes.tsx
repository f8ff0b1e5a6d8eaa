import type { StatusView } from '../../admin/views/status.ts';
import { count } from '../../protocol/count.ts';
import { escapeLine } from '../../protocol/escape.ts';
import { inForceText, machineText, noteText } from '../../words/status.ts';
import { Time } from './frame.tsx';
import { NodeLink, Words } from './node-name.tsx';
import { pageOf, Pages } from './pages.tsx';
import { States } from './state.tsx';

/** So many nodes are on a page of the list. */
export const NODES_PER_PAGE = 100;

/** What narrows the nodes down. */
export function Search({ query }: { query: string }) {
  return (
    <form class="search" method="get" action="/nodes" role="search">
      <label>
        Name, words, id, or a filter such as <code>state=failed age&gt;1h</code>
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
          {nodes.some(({ decision }) => decision !== undefined) && (
            <a href={`/change?q=${encodeURIComponent(query)}`}>
              Change files or settings of {nodes.length === 1 ? 'it' : 'these'}
            </a>
          )}
          {nodes.every(({ states }) => states.includes('revoked')) && (
            <a href={`/forget?q=${encodeURIComponent(query)}`}>
              Forget {nodes.length === 1 ? 'it' : 'these'}
            </a>
          )}
        </p>
      )}
      {nodes.length === 0 && problem === undefined && <p class="empty">No node is so.</p>}
      {shown.length > 0 && (
        <div class="scroll" tabindex={0} role="region" aria-label="Nodes">
          <table class="nodes">
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
                    {view.states.includes('first') && (
                      <div>
                        <Words node={view.node} />
                      </div>
                    )}
                    {view.notes.map((note) => (
                      <div class="caution">{noteText(note)}</div>
                    ))}
                  </th>
                  <td>
                    <States view={view} />
                  </td>
                  <td>{view.since !== undefined && <Time at={view.since} relative />}</td>
                  <td>{inForceText(view)}</td>
                  <td>{machineText(view)}</td>
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
