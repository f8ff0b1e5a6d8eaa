import type { Orders } from '../answers/cmdline/orders.ts';
import { obstacleTo } from '../boot/install.ts';
import type { Node } from '../boot/node.ts';
import { createPatience } from '../boot/patience.ts';
import { propose } from '../boot/propose.ts';
import { sendReport } from '../boot/report.ts';
import { tryAgain } from '../boot/servers.ts';
import type { Draft } from '../boot/snapshot.ts';
import type { Contact } from './4-server.ts';

/**
 * Makes known what this machine runs although nobody approved it, as soon as a server answers: it is
 * proposed, or, where a decision is in force that it could not fetch, reported.
 * @throws what proposing again cannot help
 */
export async function makeKnown(
  node: Node,
  { servers, source }: Contact,
  draft: Draft,
  { token }: Pick<Orders, 'token'>,
): Promise<void> {
  const patience = createPatience();
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
    await patience.pause();
  }
}
