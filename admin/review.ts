import { faultsOf } from '../protocol/bootable.ts';
import { BUILT_IN_PATHS, isPassedOver } from '../protocol/paths.ts';
import { decidedDigests } from '../protocol/history.ts';
import { digestHex } from '../protocol/keys.ts';
import { nodeIdOf } from '../bundle/index.ts';
import type { Manifest, StatementType } from '../bundle/index.ts';
import { predecessorOf } from '../protocol/succession.ts';
import { attestedBundle, voucherIn, wordsOf } from './attested.ts';
import type { ApprovedTpm, AttestedView } from './attested.ts';
import type { EndorsementView } from './endorsed.ts';
import { cutToFit } from './budget.ts';
import { diffView } from './diff-view.ts';
import type { DiffOptions, DiffView, FileView } from './diff-view.ts';
import { approvedWith, isFresh, openInForce } from './in-force.ts';
import type { NodeHistory, InForce } from './in-force.ts';
import type { OpenedBundle } from './open.ts';
import { decidersOf, REBASED } from './record.ts';
import type { Session } from './session.ts';
import { revokesImages, startsSomething } from './changes.ts';
import { bundleFacts, imageFacts } from './views/bundle.ts';
import type { BundleFacts, ImageFacts, Reviewable } from './views/bundle.ts';
import type { Unseen } from './unseen.ts';
import type { ReviewWarning } from './warning.ts';

/** How much of a review is wanted. */
export interface ReviewOptions extends DiffOptions {
  /** How many lines of contents are shown at most, those of what executes first; absent: all. */
  readonly budget?: number;
}

/** What an administrator looks at before a bundle is put in force. A plain value. */
export interface Review {
  readonly bundle: BundleFacts;
  /** What the bundle in force says of its image; absent where it says nothing, or there is none. */
  readonly imageInForce?: ImageFacts;
  /** what changes from what is in force, by path, and the settings */
  readonly diff: DiffView;
  /** False if what it was made against is no longer in force. */
  readonly fresh: boolean;
  /** in the order in which they are told */
  readonly warnings: readonly ReviewWarning[];
}

/** {@link Review} of a bundle against what is in force for its node. */
export async function review(
  session: Session,
  decided: NodeHistory,
  opened: OpenedBundle,
  options: ReviewOptions,
): Promise<Review> {
  return reviewAgainst(session, decided, await openInForce(session, decided), opened, options);
}

/** {@link review}, where what is in force is open already. */
export async function reviewAgainst(
  session: Session,
  decided: NodeHistory,
  inForce: InForce,
  opened: Reviewable,
  options: ReviewOptions & Unseen,
): Promise<Review> {
  const whole = diffView(inForce.opened?.manifest, opened.manifest, {
    ...options,
    ...pathsOf(session),
  });
  const diff = options.budget === undefined ? whole : cutToFit(whole, options.budget);
  const imageInForce = inForce.opened && imageFacts(inForce.opened.manifest.metadata);
  const approved = approvedWith(inForce);
  const attested = await attestedBundle(session.site, decided.node, opened, approved);
  const facts = bundleFacts(decided.node, opened, session);
  return {
    bundle: { ...facts, ...(attested && { attested }) },
    ...(imageInForce && { imageInForce }),
    diff,
    fresh: await isFresh(session, decided, inForce, opened.manifest),
    warnings: [
      ...refusedBefore(decided, opened),
      ...attestationWarnings(opened, attested, approved),
      ...endorsementWarnings(opened, facts.endorsement, inForce),
      ...warningsOf(session, inForce, opened, whole),
      ...unknownPaths(options, [inForce.opened?.manifest, opened.manifest]),
    ],
  };
}

/** What the site adds to the list of paths, for a difference. */
export const pathsOf = ({ site: { paths } }: Pick<Session, 'site'>): Pick<DiffOptions, 'paths'> =>
  paths === undefined ? {} : { paths };

/** What waits, after its node was refused another and nothing was approved: what that was refused for may be in it. */
function refusedBefore({ history }: NodeHistory, { sealed }: Reviewable): ReviewWarning[] {
  if (sealed === undefined || decidedDigests(history).has(digestHex(sealed.digest))) return [];
  const entry = history.entries.findLast(
    ({ frame: { statement } }) => !ORDERS.includes(statement.type),
  );
  if (entry?.frame.statement.type !== 'reject') return [];
  const { seq, issued, reason } = entry.frame.statement;
  if (reason.startsWith(REBASED)) return [];
  return [{ code: 'was_refused', seq, issued, by: decidersOf(entry), reason }];
}

function attestationWarnings(
  { manifest }: Reviewable,
  attested: AttestedView | undefined,
  approved: ApprovedTpm | undefined,
): ReviewWarning[] {
  if (attested !== undefined) {
    const { faults } = attested;
    return faults.length > 0 ? [{ code: 'not_attested', faults }] : [];
  }
  const voucher = voucherIn(manifest.metadata);
  if (voucher !== undefined && voucher !== approved?.voucher) {
    return [{ code: 'new_tpm', words: wordsOf({ voucher }) }];
  }
  return approved !== undefined && voucher === undefined ? [{ code: 'not_vouched' }] : [];
}

/** What is said of who knows the machine's TPM is no setting: so a review says what becomes of it. */
function endorsementWarnings(
  { manifest }: Reviewable,
  endorsement: EndorsementView | undefined,
  inForce: InForce,
): ReviewWarning[] {
  const { known, faults = [] } = endorsement ?? {};
  const before = inForce.opened?.manifest.metadata.activation;
  const isNew = known !== undefined && manifest.metadata.activation !== before;
  const isGone = known === undefined && approvedWith(inForce)?.known !== undefined;
  return [
    ...(faults.length > 0 ? [{ code: 'bad_endorsement', faults } as const] : []),
    ...(isNew ? [{ code: 'known_tpm', known } as const] : []),
    ...(isGone ? [{ code: 'forgets_tpm' } as const] : []),
  ];
}

/** They say nothing of any proposal. */
const ORDERS: readonly StatementType[] = ['reconfigure', 'revoke'];

/** What is named to be shown, or to be taken unseen, and is in neither bundle: mistyped. */
function unknownPaths(
  { showSecrets, unseen = [] }: ReviewOptions & Unseen,
  bundles: readonly (Manifest | undefined)[],
): ReviewWarning[] {
  const paths = new Set(bundles.flatMap((bundle) => bundle?.files ?? []).map(({ path }) => path));
  const named = [...(typeof showSecrets === 'boolean' ? [] : showSecrets), ...unseen];
  const unknown = [...new Set(named)].filter((path) => !paths.has(path));
  return unknown.length > 0 ? [{ code: 'not_there', paths: unknown }] : [];
}

function warningsOf(
  { keyset, site }: Pick<Session, 'keyset' | 'site'>,
  { entry, opened, unreadable }: InForce,
  { sealed, manifest }: Reviewable,
  { files, metadata, unknownPaths }: DiffView,
): ReviewWarning[] {
  const placed = files.filter(({ change }) => change !== 'removed');
  const by = (executes: FileView['executes']): string[] =>
    placed.filter((file) => file.executes === executes).map(({ path }) => path);
  const [runs, named, refused] = [by('by place'), by('may name').length, by('refused')];
  const settings = metadata
    .filter((change) => startsSomething(change) && !revokesImages(change))
    .map(({ name }) => name);
  const { generation, fresh } = manifest.metadata;
  const open = files.flatMap(({ accounts = [] }) =>
    accounts.filter(({ after }) => after?.password === 'empty').map(({ name }) => name),
  );
  // What is on no list is told apart; an account file and a host name are on the built-in one.
  const faults = faultsOf(
    manifest.files.filter(({ path }) => BUILT_IN_PATHS.traitsOf(path) !== undefined),
    BUILT_IN_PATHS,
  );
  const passedOver = manifest.files.map(({ path }) => path).filter(isPassedOver);
  const succeeds = sealed && manifest.metadata.succeeds;
  const expected = 1 + keyset.keys.length;
  const counted = sealed?.recipientCount ?? expected;
  const warnings: (ReviewWarning | false | undefined)[] = [
    unreadable && { code: 'in_force_unreadable', reason: unreadable },
    runs.length + settings.length > 0 && { code: 'runs_by_place', paths: runs, settings },
    named > 0 && { code: 'may_name', files: named },
    open.length > 0 && { code: 'empty_password', accounts: [...new Set(open)] },
    unknownPaths && { code: 'unknown_paths' },
    refused.length > 0 && { code: 'refused_paths', paths: refused.length },
    faults.length > 0 && { code: 'unbootable', faults },
    passedOver.length > 0 && { code: 'passed_over', paths: passedOver },
    manifest.metadata.keySource === 'image' && { code: 'key_in_image' },
    entry === undefined &&
      succeeds !== undefined && {
        ...{ code: 'succeeds', ...predecessorOf(site.id, nodeIdOf(manifest.node), succeeds) },
      },
    counted !== expected && { code: 'recipients', sealed: counted, expected },
    generation !== undefined &&
      metadata.some(revokesImages) && { code: 'revokes_images', generation },
    fresh !== undefined && fresh !== opened?.manifest.metadata.fresh && { code: 'after_wipe' },
  ];
  return warnings.filter((warning) => warning !== false && warning !== undefined);
}
