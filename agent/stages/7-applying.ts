import { CoatcheckError } from '../../bundle/errors.ts';
import { codeOf, hasCode } from '../../protocol/errors.ts';
import { takeEffect } from '../apply/settings.ts';
import type { Found } from '../boot/boot.ts';
import { install, installUnapproved } from '../boot/install.ts';
import type { Installed } from '../boot/install.ts';
import type { Node } from '../boot/node.ts';
import { sendReport } from '../boot/report.ts';
import { revokeImages } from '../boot/revoke-images.ts';
import type { Servers } from '../boot/servers.ts';
import type { Settle } from '../systemd/activate.ts';
import type { Failure } from '../systemd/failure.ts';
import { cut } from './effect.ts';

/** Tells the administrators, and answers whether that was possible. */
export type TellAdministrators = (result: string) => Promise<boolean>;

/** Files that are in place, and units that were told: stage 8 goes on from here. */
export interface InPlace {
  readonly installed: Installed;
  /** What did not take effect until now */
  readonly failed: readonly Failure[];
  readonly settle: Settle;
  readonly isApproved: boolean;
  /** As {@link revokeImages}, for stage 8 to do last */
  readonly revoke: () => readonly string[];
  /** Of what nobody approved nobody is told. */
  readonly report: TellAdministrators;
}

/**
 * Stage 7 of docs/node.md: applies what was found, and makes it take effect.
 * @throws as `install`, `installUnapproved` and `takeEffect`, after a report that says so
 */
export async function applyFound(node: Node, servers: Servers, found: Found): Promise<InPlace> {
  const isApproved = 'decision' in found;
  const report = async (result: string): Promise<boolean> =>
    isApproved && (await sendReport(node, servers, found.decision, result));
  let installed: Installed;
  try {
    installed = put(node, found);
  } catch (error) {
    await report(notApplied(error));
    throw error;
  }
  const { manifest, statement } = installed;
  const { failed, settle } = await orReport(report, () =>
    takeEffect({
      ...{ rootPath: node.rootPath, manifest, statement },
      byAdministrator: isApproved && !found.decision.frame.self,
      // One that was down before says nothing of the network.
      ...(servers.hasAnswered() && {
        stillAnswers: () => servers.ask((client) => client.health()),
      }),
    }),
  );
  const revoke = (): readonly string[] =>
    revokeImages(node, manifest.metadata.generation, isApproved ? found.decision.frame : undefined);
  return { installed, failed, settle, isApproved, revoke, report };
}

/** For the administrators: of what is in the way, or wrong, they are told where and what to do. */
const notApplied = (error: unknown): string =>
  hasCode(error, 'path_refused')
    ? cut(`not applied: path_refused: ${(error as Error).message}`)
    : `not applied: ${codeOf(error)}`;

function put(node: Node, found: Found): Installed {
  if ('decision' in found) return install(node, found.decision);
  node.console.note('UNAPPROVED: what is applied now was decided by nobody but this machine');
  return installUnapproved(node, found.unapproved);
}

/** What `act` gives. @throws as `act`, after a report if it is an error of ours */
export async function orReport<T>(report: TellAdministrators, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CoatcheckError) await report(`applied, not in effect: ${codeOf(error)}`);
    throw error;
  }
}
