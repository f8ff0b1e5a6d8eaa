import { claimsOf } from '../../admin/views/status.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { NodeId } from '../../bundle/index.ts';
import { escapeLine } from '../../protocol/escape.ts';

/** A node as a link: the name in force, or its id; what it only claims is said to be a claim. */
export function NodeLink({ view }: { view: StatusView }) {
  const [claim] = claimsOf(view);
  return (
    <a href={`/nodes/${view.node}`} class="node">
      {view.name !== undefined ? (
        escapeLine(view.name)
      ) : (
        <>
          <code>{view.node.slice(0, 16)}</code>
          {claim !== undefined && <span class="dim"> claims {escapeLine(claim)}</span>}
        </>
      )}
    </a>
  );
}

/** The eight words of a machine, as its console shows them. */
export const Words = ({ node }: { node: NodeId }) => <span class="words">{nodeWords(node)}</span>;

/** A digest or an id: whole, and set so that two can be compared. */
export const Digest = ({ hex }: { hex: string }) => <code class="digest">{hex}</code>;
