import { CoatcheckError } from '../../bundle/errors.ts';
import { bundleDigest } from '../../bundle/header.ts';
import type { SealedBundle } from '../../bundle/header.ts';
import type { FileEntry } from '../../bundle/manifest.ts';
import { settingsOf } from '../../bundle/settings.ts';
import { encodeSignedStatement, signStatementAsNode, ZERO_DIGEST } from '../../bundle/statement.ts';
import { faultText } from '../../protocol/bootable.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { parseDigest } from '../../protocol/keys.ts';
import { retryAfterOf } from '../../protocol/leave-alone.ts';
import type { ProposalRequest } from '../../protocol/node-client.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { checkApplicable } from '../apply/apply.ts';
import { faultsHere } from '../apply/faults.ts';
import { withRoot } from '../tree/folder.ts';
import { attested } from './attesting.ts';
import { isOrder } from './install.ts';
import { openOwn, ownTime } from './node.ts';
import type { Node } from './node.ts';
import { newestKeyset, sealFor } from './sealed.ts';
import type { Sealed } from './sealed.ts';
import type { Servers } from './servers.ts';
import { manifestOf, installTheSame } from './snapshot.ts';
import type { Draft } from './snapshot.ts';
import type { Decision, Source } from './source.ts';

/** What became of a proposal. */
export type Proposal =
  /** Files and settings are those in force: there is nothing to decide. */
  | { readonly state: 'unchanged' }
  /** There is neither a file that a bundle may hold nor a setting: the wrong root, or one that was not set up. */
  | { readonly state: 'empty' }
  /** It is up there and waits for an administrator; under approval `none`, accepted: it is in force. */
  | {
      readonly state: 'proposed' | 'accepted';
      readonly digest: DigestHex;
      readonly fileCount: number;
      readonly sent: Sent;
      /** Whether it was sent now; not where it was there already */
      readonly isNew: boolean;
    }
  /** Not sent, because an earlier one waits. */
  | { readonly state: 'waiting'; readonly digest: DigestHex }
  /** Not sent, because the same was refused, and nobody asked for a new one since. */
  | { readonly state: 'rejected'; readonly digest: DigestHex; readonly rejection: Decision };

/** What was sent, as it is sent again. */
export interface Sent {
  readonly draft: Draft;
  readonly sealed: Sealed;
  /** The refusal that it was sent in spite of */
  readonly after: DigestHex | undefined;
}

/** What a proposal needs to know. */
export interface Proposing {
  readonly node: Node;
  readonly servers: Servers;
  readonly source: Source;
  /** The newest decision in force, as the source showed it. */
  readonly inForce: Decision | undefined;
  /** A refusal that whoever asks knows of, and proposes in spite of. */
  readonly after?: DigestHex | undefined;
  /** Enrolment token, where the site asks new machines for one. */
  readonly token?: string | undefined;
}

/**
 * Seals a draft to this machine and to every administrator of the newest keyset, and uploads it.
 * @throws path_refused for what a boot would refuse; too_large, manifest_too_large; rollback_refused for an older keyset than remembered; the
 *   codes of the chain; and what server and store refuse
 */
export async function propose(context: Proposing, draft: Draft): Promise<Proposal> {
  const { node, inForce } = context;
  if (isInForce(node, inForce, draft)) return { state: 'unchanged' };
  const plain = manifestOf(node, complete(node, draft, inForce), inForce);
  const { left = {} } = plain.metadata;
  const isEmpty = plain.files.length + Object.keys(left).length === 0;
  // Who it was is something to propose: it gets what that one had.
  const isNothing = isEmpty && node.former === undefined;
  if (isNothing && settingsOf(plain.metadata).size === 0) return { state: 'empty' };
  demandBootable(node, plain.files);
  const keyset = await newestKeyset(node, context.servers);
  const manifest = attested(node, plain, inForce?.frame.bundle);
  const seal = (): Sealed => sealFor(node, keyset, manifest);
  try {
    return await send(context, draft, seal());
  } catch (error) {
    // Junk lies under that digest, which nobody can read: another sealing has another.
    if (!hasCode(error, 'already_exists')) throw error;
    return await send(context, draft, seal());
  }
}

/** With what this boot made; what the bundle in force has of that stays as it is there. */
function complete(node: Node, draft: Draft, inForce: Decision | undefined): Draft {
  const { made = [], ...rest } = draft;
  const bundle = inForce?.frame.bundle;
  const before = made.length === 0 || bundle === undefined ? [] : openedFiles(node, bundle);
  const kept = made.map((file) => before.find(({ path }) => path === file.path) ?? file);
  const files = [...rest.files, ...kept].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { ...rest, files };
}

/** None where it is sealed to an earlier key of this machine. */
function openedFiles(node: Node, bundle: SealedBundle): readonly FileEntry[] {
  try {
    return openOwn(node, bundle).files;
  } catch (error) {
    if (error instanceof CoatcheckError) return [];
    throw error;
  }
}

/**
 * What this machine would refuse at its next boot is refused before anybody approves it.
 * @throws path_refused
 */
function demandBootable({ rootPath, paths }: Node, files: readonly FileEntry[]): void {
  withRoot(rootPath, (root) => {
    const faults = faultsHere(root, files, paths).map(faultText);
    if (faults.length > 0) {
      throw fail('path_refused', `no machine would take this; mend it here: ${faults.join('; ')}`);
    }
    checkApplicable(root, paths, files, process.geteuid?.() === 0);
  });
}

function isInForce(node: Node, inForce: Decision | undefined, draft: Draft): boolean {
  const { statement, bundle } = inForce?.frame ?? {};
  if (bundle === undefined || statement?.type === 'reconfigure') return false;
  return makesTheSame(node, bundle, draft);
}

/**
 * Uploads what was sealed of a draft, if it is not there.
 * @throws what server and store refuse
 */
export async function send(context: Proposing, draft: Draft, sealed: Sealed): Promise<Proposal> {
  let { after } = context;
  for (let tries = 0; ; tries++) {
    try {
      await upload(context, sealed, after);
      return await conclude(context, { draft, sealed, after }, true);
    } catch (error) {
      // Where it asked to be left alone, it is for the next look to ask again.
      const isAtOnce = hasCode(error, 'store_unknown') && retryAfterOf(error) === undefined;
      if (isAtOnce && tries < 2) continue;
      const digest = digestIn(error);
      if (hasCode(error, 'waiting') && digest !== undefined) {
        // An answer that was lost, or one that was sent long ago: ours is there.
        if (digest === sealed.digest) {
          return await conclude(context, { draft, sealed, after }, tries > 0);
        }
        return { state: 'waiting', digest };
      }
      if (!hasCode(error, 'rejected') || digest === undefined || digest === after) throw error;
      const rejection = await refusalOf(context, digest);
      if (!mayAskAgain(context, rejection, draft)) {
        return { state: 'rejected', digest, rejection };
      }
      after = digest;
    }
  }
}

async function upload(
  context: Proposing,
  { bytes, digest }: Sealed,
  after: DigestHex | undefined,
): Promise<void> {
  const { node, servers } = context;
  const request = requestFor(context, { digest, size: bytes.length }, after);
  await servers.ask(async (client) => {
    const { put } = await client.propose(node.identity.id, request);
    await client.put(put, bytes);
  });
}

/** What a machine says of itself where it asks to upload something. */
export function requestFor(
  { inForce, token }: Pick<Proposing, 'inForce' | 'token'>,
  object: { readonly digest: DigestHex; readonly size: number },
  after: DigestHex | undefined,
): ProposalRequest {
  return {
    ...object,
    ...(after === undefined ? {} : { after }),
    ...(token === undefined ? {} : { token }),
    ...(inForce === undefined ? {} : { decidedBy: inForce.proof }),
  };
}

/** Under approval `none` the machine approves what it has just sealed itself, and nothing else. */
async function conclude(context: Proposing, sent: Sent, isNew: boolean): Promise<Proposal> {
  const { node, servers, inForce } = context;
  const { sealed } = sent;
  const { digest } = sealed;
  const said = { digest, fileCount: sealed.manifest.files.length, sent, isNew };
  const follows = inForce === undefined || inForce.frame.self || isOrder(inForce);
  if (node.site.approval !== 'none' || !follows) return { state: 'proposed', ...said };
  await servers.ask((client) => {
    const signed = signStatementAsNode(
      {
        type: 'approve',
        keysetVersion: sealed.keyset.version,
        site: node.site.id,
        node: node.identity.id,
        digest: bundleDigest(sealed.bytes),
        prev: inForce?.frame.statementDigest ?? ZERO_DIGEST,
        seq: (inForce?.frame.statement.seq ?? 0) + 1,
        // By no server's clock: this machine would remember it, and take it for the time.
        issued: ownTime(node),
        reason: '',
      },
      node.identity,
    );
    return client.accept(node.identity.id, encodeSignedStatement(signed), { pending: true });
  });
  return { state: 'accepted', ...said };
}

/**
 * A refusal is believed only with its signatures.
 * @throws server_garbage if the server has none; what fetching and verifying it failed with
 */
export async function refusalOf(
  { source }: Pick<Proposing, 'source'>,
  digest: DigestHex,
): Promise<Decision> {
  const look = await source.rejection(digest);
  if (look.state === 'found') return look.decision;
  // Whatever is wrong with its proof, it is this server's word only: no reason to end a boot.
  const why = look.state === 'failed' ? `: ${look.error.message}` : '';
  throw fail(
    'server_garbage',
    `the server says that ${digest} was rejected, and has no proof of it${why}`,
  );
}

/** Since then an administrator ordered a new one, or the files or settings are others. */
function mayAskAgain({ node, inForce }: Proposing, rejection: Decision, draft: Draft): boolean {
  const { statement, bundle } = rejection.frame;
  if (isOrder(inForce) && inForce.frame.statement.seq > statement.seq) {
    return true;
  }
  return bundle === undefined || !makesTheSame(node, bundle, draft);
}

/** Whether a bundle makes this of a machine; one that this machine cannot open does not. */
function makesTheSame(node: Node, bundle: SealedBundle, draft: Draft): boolean {
  try {
    return installTheSame(openOwn(node, bundle), draft);
  } catch (error) {
    if (error instanceof CoatcheckError) return false;
    throw error;
  }
}

/** The digest that a refusal of the server names. */
export function digestIn(error: unknown): DigestHex | undefined {
  const digest = error instanceof CoatcheckError ? error.details['digest'] : undefined;
  return typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest)
    ? parseDigest(digest)
    : undefined;
}
