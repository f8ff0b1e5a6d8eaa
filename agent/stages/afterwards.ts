import { obstacleTo } from '../boot/install.ts';
import type { Draft } from '../boot/snapshot.ts';
import { propose } from '../boot/propose.ts';
import { sendReport } from '../boot/report.ts';
import { tryAgain } from '../boot/servers.ts';
import type { Servers } from '../boot/servers.ts';
import type { Source } from '../boot/source.ts';
import type { Patience } from '../boot/patience.ts';
import type { Node } from '../boot/node.ts';

/**
 * Makes known what this machine runs although nobody approved it, as soon as a server answers: it is
 * proposed, or, where a decision is in force that it could not fetch, reported.
 * @throws what proposing again cannot help
 */
export async function makeKnown(
  node: Node,
  servers: Servers,
  source: Source,
  draft: Draft,
  { patience, token }: { patience: Patience; token?: string | undefined },
): Promise<void> {
  for (;;) {
    const look = await source.inForce();
    if (look.state !== 'failed') {
      const inForce = look.state === 'found' ? look.decision : undefined;
      if (inForce !== undefined && obstacleTo(node, inForce) === undefined) {
        const said =
          'UNAPPROVED: no server could be reached, and this machine runs what it made itself';
        if (await sendReport(node, servers, inForce, said)) return;
      } else {
        try {
          const { state } = await propose({ node, servers, source, inForce, token }, draft);
          node.console.note(`a server answers: what runs here without approval is ${state}`);
          return;
        } catch (error) {
          tryAgain(servers, error);
        }
      }
    }
    if (patience.isOver()) return;
    await patience.pause();
  }
}
