import { sha256 } from '#platform';
import { toHex } from '../../bundle/bytes.ts';
import type { CoatcheckError } from '../../bundle/errors.ts';
import type { VerifiedFrame } from '../../bundle/frame.ts';
import { encodeManifest } from '../../bundle/manifest.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { HOSTNAME_FILE } from '../../protocol/bootable.ts';
import { fail } from '../../protocol/errors.ts';
import { applyFiles } from '../apply/apply.ts';
import type { Applied } from '../apply/apply.ts';
import { compareWithImage, imageOfBundle } from '../apply/of-image.ts';
import type { OfImage } from '../apply/of-image.ts';
import { formatTime } from '../console/console.ts';
import { withRoot } from '../tree/folder.ts';
import { openOwn, overBy } from './node.ts';
import type { Node } from './node.ts';
import type { Decision } from './source.ts';
import { manifestOf } from './snapshot.ts';
import type { Draft } from './snapshot.ts';

/**
 * Why a verified decision gives this machine nothing to apply; undefined if it orders a bundle that
 * is still good. Code expired, revoked, or nothing_approved for an order to propose anew; rollback_refused where the
 * memory was wiped, and nothing was decided since.
 */
export function obstacleTo(node: Node, { frame, serverNow }: Decision): CoatcheckError | undefined {
  const { type, expires } = frame.statement;
  const said = tellDecision(frame);
  if (type === 'revoke') return fail('revoked', `this machine was revoked: ${said}`);
  if (type === 'reconfigure') {
    return fail('nothing_approved', `a new configuration was ordered: ${said}`);
  }
  const code = node.memory.wiped?.();
  if (code !== undefined) {
    return fail(
      'rollback_refused',
      `this machine's memory was wiped, code ${code}, and what is in force may not be the newest: ${said}`,
      { details: { wiped: code } },
    );
  }
  const judge = overBy(node, frame.statement, serverNow);
  if (judge === undefined) return undefined;
  const ended = `the approval ended ${formatTime(expires!)} (by ${judge}), and waits to be renewed`;
  return fail('expired', `${ended}: it was ${said}`);
}

/** An administrator ordered this machine to propose a new configuration. */
export function isOrder(decision: Decision | undefined): decision is Decision {
  return decision?.frame.statement.type === 'reconfigure';
}

/** A bundle whose files are in place: what is left is that it takes effect (`activate`). */
export interface Installed {
  readonly applied: Applied;
  readonly ofImage: OfImage;
  /** But for what was left as it was */
  readonly manifest: Manifest;
  /** Digest of the statement, hex; of the manifest where nobody approved it */
  readonly statement: string;
  /** 0 where nobody approved it */
  readonly seq: number;
}

/**
 * Applies the bundle of a verified decision.
 * @throws as {@link obstacleTo}, `openOwn` and `applyFiles`
 */
export function install(node: Node, decision: Decision): Installed {
  const obstacle = obstacleTo(node, decision);
  if (obstacle !== undefined) throw obstacle;
  const { frame } = decision;
  const { statement, bundle } = frame;
  if (bundle === undefined) throw fail('does_not_verify', 'this decision comes without its bundle');
  const manifest = openOwn(node, bundle);
  const { seq } = statement;
  const by = { statement: toHex(frame.statementDigest), seq };
  return place(node, manifest, by, () => checkNewest(node, seq));
}

/**
 * Applies what nobody approved: only where the pinned site says that a machine may, and then the
 * marker has it as decision 0, by the digest of the manifest.
 * @throws approval_required; and as `applyFiles`
 */
export function installUnapproved(node: Node, draft: Draft): Installed {
  if (!node.site.unapprovedWhenUnreachable) {
    throw fail(
      'approval_required',
      `the site ${node.site.name} does not let a machine apply what nobody approved (unapprovedWhenUnreachable in site.json)`,
    );
  }
  const manifest = manifestOf(node, draft, undefined);
  const statement = toHex(sha256(encodeManifest(manifest)));
  return place(node, manifest, { statement, seq: 0 });
}

function place(
  node: Node,
  manifest: Manifest,
  by: { readonly statement: string; readonly seq: number },
  checkTurn?: () => void,
): Installed {
  const { rootPath, paths: list } = node;
  const said = imageOfBundle(manifest.metadata);
  const applied = withRoot(rootPath, (root) =>
    applyFiles({
      root,
      files: manifest.files,
      list,
      owners: process.geteuid?.() === 0,
      about: {
        site: toHex(node.site.id),
        node: node.identity.id,
        ...by,
        appliedAt: node.now(),
        ...said,
      },
      ...(checkTurn && { checkTurn }),
    }),
  );
  applied.notes.forEach((note) => node.console.note(note));
  const ofImage = compareWithImage(rootPath, list, said);
  return { applied, ofImage, manifest: placedPart(manifest, applied.left), ...by };
}

/** What takes effect where some files were left: a name that is mounted is its container's, too. */
export function placedPart(manifest: Manifest, left: Applied['left']): Manifest {
  const paths = new Set(left.map(({ path }) => path));
  if (paths.size === 0) return manifest;
  const { hostname, ...rest } = manifest.metadata;
  const isNamed = hostname !== undefined && !paths.has(HOSTNAME_FILE);
  return {
    ...manifest,
    metadata: isNamed ? { ...rest, hostname } : rest,
    files: manifest.files.filter(({ path }) => !paths.has(path)),
  };
}

/** Another process may have verified, and applied, a newer decision meanwhile. */
function checkNewest(node: Node, seq: number): void {
  const newest = node.memory.load()?.seq ?? seq;
  if (newest > seq) {
    throw fail('rollback_refused', `decision ${newest} came while decision ${seq} was read`);
  }
}

/** Who decided, when and why. The reason is a stranger's text: the console escapes it. */
export function tellDecision({ statement, signers, self, keyset }: VerifiedFrame): string {
  const by = self ? 'this machine' : signers.map((i) => keyset.keys[i]!.name).join(' and ');
  const why = statement.reason === '' ? 'no reason given' : `reason: ${statement.reason}`;
  return `decision ${statement.seq} by ${by}, ${formatTime(statement.issued)}, ${why}`;
}

/** In one line. */
export function tellApplied({ changed, removed, unchanged, left }: Applied): string {
  const said = `${changed.length} changed, ${removed.length} removed, ${unchanged} as they were`;
  return left.length === 0 ? said : `${said}, ${left.length} left`;
}
