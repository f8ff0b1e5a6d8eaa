import * as v from 'valibot';
import { toHex } from '../../bundle/bytes.ts';
import { fail } from '../../protocol/errors.ts';
import { obstacleTo, tellDecision } from '../boot/install.ts';
import { readMarker } from '../apply/marker.ts';
import type { Node } from '../boot/node.ts';
import { makeReady } from '../ready/ready.ts';
import { readActivationRecord } from '../systemd/activation-record.ts';
import { createSystemctl } from '../systemd/systemctl.ts';
import { withRoot } from '../tree/folder.ts';
import { HexDigest, readState, writeState } from '../tree/state-file.ts';
import { lookIntoState, withState } from '../tree/state-place.ts';
import { applyFound } from './7-applying.ts';
import { becomeReady } from './8-ready.ts';
import type { Finished } from './effect.ts';
import { sendReport } from '../boot/report.ts';
import type { Servers } from '../boot/servers.ts';
import type { Decision, Source } from '../boot/source.ts';

/** What a look at the servers meant to a machine that runs. */
export type Refreshed =
  | {
      readonly state: 'unchanged' | 'ordered' | 'revoked' | 'poweroff';
      readonly decision: Decision;
    }
  | { readonly state: 'applied'; readonly decision: Decision; readonly finished: Finished };

/**
 * Fetches what is in force and applies it if it is new: two requests where it is not. An order to
 * make a new configuration is reported, and followed at the next boot. A machine that was revoked
 * stops asking and runs on, unless its site says `onRevoke: poweroff`. Whatever fails, the machine
 * runs on with what it has.
 *
 * @throws nothing_approved, expired, rollback_refused, what fetching failed with; as `applyFound` and `becomeReady`
 */
export async function refresh(node: Node, servers: Servers, source: Source): Promise<Refreshed> {
  const look = await source.inForce();
  if (look.state === 'failed') throw look.error;
  if (look.state === 'nothing') {
    throw fail('nothing_approved', `nothing is approved for machine ${node.identity.id} yet`);
  }
  const { decision } = look;
  const { type } = decision.frame.statement;
  if (type === 'reconfigure') {
    await reportOnce(node, servers, decision, 'a new configuration was ordered: at the next boot');
    return { state: 'ordered', decision };
  }
  if (type === 'revoke') return { state: await endRefreshing(node, servers, decision), decision };
  const obstacle = obstacleTo(node, decision);
  if (obstacle !== undefined) throw obstacle;
  if (isInEffect(node, decision)) return { state: 'unchanged', decision };
  const inPlace = await applyFound(node, servers, { decision });
  const finished = await becomeReady(inPlace, makeReady(node));
  return { state: 'applied', decision, finished };
}

function isInEffect({ rootPath }: Node, { frame }: Decision): boolean {
  const statement = toHex(frame.statementDigest);
  return withRoot(rootPath, (root) => {
    const { done, pending } = readActivationRecord(root);
    const isDone = done === statement && Object.keys(pending).length === 0;
    return isDone && readMarker(root)?.statement === statement;
  });
}

async function endRefreshing(
  node: Node,
  servers: Servers,
  decision: Decision,
): Promise<'revoked' | 'poweroff'> {
  const systemctl = createSystemctl(node.rootPath);
  const isOff = node.site.onRevoke === 'poweroff';
  const what = isOff ? 'this machine goes off' : 'this machine runs on, and asks no more';
  await reportOnce(node, servers, decision, `revoked: ${what}`);
  node.console.note(`${what}: revoked by ${tellDecision(decision.frame)}`);
  if (systemctl.isLive) {
    await systemctl.ask(...(isOff ? ['poweroff'] : ['stop', '--', 'coatcheck-refresh.timer']));
  }
  return isOff ? 'poweroff' : 'revoked';
}

const FILE = 'reported.json';
const ReportedFile = v.strictObject({
  coatcheck: v.literal('reported/1'),
  /** Of the decision that was reported although nothing was applied; hex */
  statement: HexDigest,
});

/** A timer asks every few minutes, and an administrator needs to hear it once. */
async function reportOnce(
  node: Node,
  servers: Servers,
  decision: Decision,
  result: string,
): Promise<void> {
  const { rootPath } = node;
  const statement = toHex(decision.frame.statementDigest);
  const known = withRoot(rootPath, (root) =>
    lookIntoState(root, (state) => readState(state, FILE, ReportedFile)),
  );
  if (known?.statement === statement) return;
  if (!(await sendReport(node, servers, decision, result))) return;
  withRoot(rootPath, (root) =>
    withState(root, (state) => writeState(state, FILE, { coatcheck: 'reported/1', statement })),
  );
}
