import type { NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { isExpiring } from '../../protocol/verify.ts';
import { attestedView } from '../attested.ts';
import type { ApprovedTpm, AttestedView } from '../attested.ts';
import type { Facts } from '../facts.ts';
import { readResult } from '../machine-says.ts';
import type { CosignedView } from '../cosigned.ts';
import type { ImagesView, MachineFault, Said } from '../machine-says.ts';
import type { Listed } from '../objects.ts';
import type { Predecessor } from '../../protocol/succession.ts';
import { STATES } from './states.ts';
import type { State } from './states.ts';
import { statementViewAt } from './statement.ts';
import type { StatementView } from './statement.ts';

/** A proposal that waits for a node. What only its maker vouches for is a claim. */
export interface WaitingView {
  /** 64 hex digits */
  readonly digest: string;
  /** bytes, sealed */
  readonly size: number;
  /** since when it waits, unix seconds by the store */
  readonly modified: number;
  readonly madeBy?: 'node' | 'admin';
  /** claimed */
  readonly hostname?: string;
  /** claimed */
  readonly keySource?: string;
  /** Which machine it says that it was, and whether that is proven */
  readonly succeeds?: Predecessor;
  /** why it cannot be opened: then those above are absent */
  readonly problem?: ErrorCode;
}

/** What the machine says: its last report, or why there is none to go by. */
export type MachineView =
  | {
      /** when it was made, unix seconds by the machine's clock: signed */
      readonly time: number;
      /** when it was stored, unix seconds by the store */
      readonly stored: number;
      /** in the machine's words */
      readonly result: string;
      /** the decision that it is about, 64 hex digits */
      readonly statementDigest: string;
      readonly failed: readonly MachineFault[];
      readonly left: readonly MachineFault[];
      readonly images?: ImagesView;
      /** it is older, by the machine's clock, than one that was seen before */
      readonly isOlder: boolean;
      /** what its TPM vouches for; absent where nothing vouches */
      readonly attested?: AttestedView;
    }
  | {
      readonly problem: ErrorCode;
      /** when it was stored, unix seconds by the store */
      readonly stored: number;
    };

/** What stands beside a node's state and wants a look by somebody who knows the machines. */
export type StatusNote =
  /** A waiting proposal claims the name that is in force for these nodes. */
  | { readonly code: 'name_in_force'; readonly name: string; readonly nodes: readonly NodeId[] }
  /** Waiting proposals of these other nodes claim the same name. */
  | { readonly code: 'name_claimed'; readonly name: string; readonly nodes: readonly NodeId[] }
  /** The same name is in force for these other nodes. */
  | { readonly code: 'name_twice'; readonly name: string; readonly nodes: readonly NodeId[] }
  /**
   * A node about which nothing is in force claims the name of this one that has: it may be the same
   * machine with a new key, or another that says so.
   */
  | { readonly code: 'maybe_new_key'; readonly name: string; readonly node: NodeId }
  /** It was this node by its key before, which signed that, and that one has a configuration in force. */
  | { readonly code: 'succeeds'; readonly node: NodeId };

/** A node in a line: everything that is known of it without its files. */
export interface StatusView {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
  /** the host name in the bundle in force; absent where there is none, or it cannot be opened here */
  readonly name?: string;
  /** where the key of the bundle in force comes from, and the site's PCR key that it is bound to; claimed */
  readonly keySource?: string;
  readonly pcrKey?: string;
  /** all that are so, in the order of {@link STATES} */
  readonly states: readonly State[];
  /** since when the first of them is, unix seconds; absent where nobody knows */
  readonly since?: number;
  /** what is in force */
  readonly decision?: StatementView;
  /** digest of the bundle in force, 64 hex digits; absent where there is none */
  readonly bundle?: string;
  /** the newest decision, where it is a refusal */
  readonly rejected?: StatementView;
  readonly waiting: readonly WaitingView[];
  /** What administrators have signed that lacks signatures, void or not. */
  readonly cosigned?: readonly CosignedView[];
  /** the machine says; absent where it never reported */
  readonly machine?: MachineView;
  readonly notes: readonly StatusNote[];
  /** why what the node is shown cannot be read or does not verify */
  readonly problem?: ErrorCode;
  /** something of it has changed, and is not read yet */
  readonly refreshing: boolean;
}

/** What a store lists of one node. */
export interface NodeListing {
  readonly node: NodeId;
  readonly pending: readonly Listed[];
  readonly approved?: Listed;
  /** the highest slot of its history */
  readonly newest?: Listed;
  readonly report?: Listed;
}

/** Whether the newest slot has to be read: what the node is shown may not be the newest decision. */
export function wantsNewest({ approved, newest }: NodeListing, facts: Facts): boolean {
  if (newest?.parsed.prefix !== 'history') return false;
  if (approved === undefined) return true;
  const shown = facts.approved(approved);
  if (shown === undefined) return false;
  if ('problem' in shown) return true;
  // A decision has the number of its slot, unless something that is none was in the way.
  return newest.parsed.slot !== shown.decision.seq || newest.modified > approved.modified;
}

/** {@link StatusView}s of what is listed, by id. @param now unix seconds */
export function statusViews(
  listings: readonly NodeListing[],
  facts: Facts,
  now: number,
): StatusView[] {
  const views = listings.map((listing) => statusView(listing, facts, now));
  return withNotes(views);
}

/** So many nodes are worked on at a time where others have their turn: some milliseconds. */
const PIECE = 250;

/** {@link statusViews}, piece by piece. @param between waited for after each piece */
export async function statusViewsByPieces(
  listings: readonly NodeListing[],
  facts: Facts,
  now: number,
  between: () => Promise<void>,
): Promise<StatusView[]> {
  const views: StatusView[] = [];
  for (let at = 0; at < listings.length; at += PIECE) {
    const piece = listings.slice(at, at + PIECE);
    views.push(...piece.map((listing) => statusView(listing, facts, now)));
    await between();
  }
  return withNotes(views);
}

function statusView(listing: NodeListing, facts: Facts, now: number): StatusView {
  const { node, approved, newest, report } = listing;
  const shown = approved && facts.approved(approved);
  const newestIfWanted = wantsNewest(listing, facts) ? newest : undefined;
  const head = newestIfWanted && facts.head(newestIfWanted);
  const proposals = listing.pending.map((one) => [one, facts.proposal(one)] as const);
  const said = report && facts.report(report);
  const looked = [[approved, shown], [newestIfWanted, head], [report, said], ...proposals] as const;
  const refreshing = looked.some(([listed, known]) => listed !== undefined && known === undefined);
  const waiting = proposals.map(([one, known]) => waitingView(one, known));

  const isShown = shown !== undefined && 'decision' in shown;
  const isHead = head !== undefined && !('problem' in head);
  const inForce = isHead ? head.inForce : isShown ? shown.decision : undefined;
  const decision = inForce === undefined ? undefined : statementViewAt(inForce, now);
  const isUnpublished =
    decision !== undefined &&
    (!isShown || shown.decision.statementDigest !== decision.statementDigest);
  const rejected = isHead && head.head?.type === 'reject' ? head.head : undefined;
  const unread = [shown, head].find((known) => known !== undefined && 'problem' in known);
  const problem = unread?.problem ?? (isUnpublished && !refreshing ? 'not_found' : undefined);
  const bundle = isShown && !isUnpublished ? shown.bundle : undefined;
  const name = isShown && !isUnpublished ? shown.name : undefined;
  const signKey = isShown ? shown.signKey : undefined;
  const { keySource, pcrKey } = isShown && !isUnpublished ? shown : {};
  const told =
    report === undefined || said === undefined
      ? undefined
      : toldBy(report, said, signKey, isShown ? shown.tpm : undefined);
  const machine = told?.view;

  const states = statesOf({
    ...{ listing, decision, rejected, told, now },
    isUnreadable: unread !== undefined,
    isUnpublished: isUnpublished && !refreshing,
    isKnown: !refreshing,
  });
  const since = sinceOf(states[0]!, { decision, rejected, machine, waiting });
  return {
    ...{ node, words: nodeWords(node) },
    ...(name === undefined ? {} : { name }),
    ...(keySource !== undefined && { keySource }),
    ...(pcrKey !== undefined && { pcrKey }),
    states,
    ...(since === undefined ? {} : { since }),
    ...(decision === undefined ? {} : { decision }),
    ...(bundle === undefined ? {} : { bundle }),
    ...(rejected === undefined ? {} : { rejected }),
    waiting,
    ...(machine === undefined ? {} : { machine }),
    notes: [],
    ...(problem === undefined ? {} : { problem }),
    refreshing,
  };
}

/** {@link WaitingView} of what is listed, with what is known of it. */
export function waitingView(
  { parsed, size, modified }: Listed,
  facts: ReturnType<Facts['proposal']>,
): WaitingView {
  const digest = parsed.prefix === 'pending' ? parsed.digest : '';
  return { digest, size, modified, ...facts };
}

/** What a machine says, and what its words come to; none where they are not its own. */
interface Told {
  readonly view: MachineView;
  readonly said?: Said & { readonly statementDigest: string };
}

function toldBy(
  { modified: stored }: Listed,
  facts: NonNullable<ReturnType<Facts['report']>>,
  signKey: string | undefined,
  approved: ApprovedTpm | undefined,
): Told {
  if ('problem' in facts) return { view: { problem: facts.problem, stored } };
  const { time, result, statementDigest, signer, latest } = facts;
  if (signKey !== undefined && signer !== signKey) {
    return { view: { problem: 'bad_signer', stored } };
  }
  const said = readResult(result);
  const { failed, left, images } = said;
  return {
    view: {
      ...{ time, stored, result, statementDigest, failed, left, isOlder: time < latest },
      ...(images && { images }),
      ...(facts.attested && { attested: attestedView(facts.attested, approved) }),
    },
    said: { ...said, statementDigest },
  };
}

function statesOf(of: {
  readonly listing: NodeListing;
  readonly decision: StatementView | undefined;
  readonly rejected: StatementView | undefined;
  readonly told: Told | undefined;
  readonly now: number;
  readonly isUnreadable: boolean;
  readonly isUnpublished: boolean;
  readonly isKnown: boolean;
}): readonly State[] {
  const { listing, decision, rejected, told, now } = of;
  const so = new Set<State>();
  if (of.isUnreadable) so.add('unreadable');
  if (of.isUnpublished) so.add('unpublished');
  if (listing.pending.length > 0) {
    so.add('waiting');
    // One whose decision cannot be read counts as first: nobody knows that it was approved.
    if (decision === undefined && (of.isKnown || listing.approved === undefined)) so.add('first');
  }
  if (rejected !== undefined) so.add('rejected');
  if (decision !== undefined) {
    const { type, expired = false } = decision;
    if (type === 'reconfigure') so.add('reconfigure');
    else if (type === 'revoke') so.add('revoked');
    else if (expired) so.add('expired');
    else so.add('in-force');
    if (isExpiring(decision, now)) so.add('expiring');
    const isConfiguration = type === 'approve' || type === 'rollback';
    if (isConfiguration && listing.report === undefined) so.add('never-booted');
  }
  const isClosed =
    told !== undefined && 'problem' in told.view && isSealedToOthers(told.view.problem);
  if (decision !== undefined && isClosed) so.add('unheard');
  if (told?.said !== undefined) addSaid(so, told.said, decision);
  if (so.size === 0) so.add('nothing');
  return [...so].sort((a, b) => STATES.indexOf(a) - STATES.indexOf(b));
}

/** Whether it is only not for this key, and no worse. */
export const isSealedToOthers = (problem: ErrorCode): boolean => problem === 'not_a_recipient';

function addSaid(
  so: Set<State>,
  { outcome, failed, differing, statementDigest }: NonNullable<Told['said']>,
  decision: StatementView | undefined,
): void {
  if (outcome === 'unapproved') so.add('unapproved');
  if (decision === undefined) return;
  if (statementDigest !== decision.statementDigest) {
    so.add('behind');
    return;
  }
  if (failed.length > 0) so.add('failed');
  if (outcome === 'partial') so.add('partial');
  if (differing > 0) so.add('drifted');
}

function sinceOf(
  state: State,
  of: Pick<StatusView, 'waiting'> & {
    readonly decision: StatementView | undefined;
    readonly rejected: StatementView | undefined;
    readonly machine: MachineView | undefined;
  },
): number | undefined {
  switch (state) {
    case 'waiting':
    case 'first':
      return Math.min(...of.waiting.map(({ modified }) => modified));
    case 'expired':
      return of.decision?.expires;
    case 'unapproved':
    case 'failed':
    case 'drifted':
    case 'partial':
    case 'unheard':
      return of.machine?.stored;
    case 'rejected':
      return of.rejected?.issued;
    case 'unreadable':
    case 'nothing':
      return undefined;
    default:
      return of.decision?.issued;
  }
}

/** A host name as names are compared: in any case, with or without the dot at its end. */
export const nameKey = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The host names that waiting proposals of a node claim, each once. */
export const claimsOf = ({ waiting }: Pick<StatusView, 'waiting'>): string[] => [
  ...new Set(waiting.flatMap(({ hostname }) => (hostname === undefined ? [] : [hostname]))),
];

/** The generation of the image that a machine was shown to run; 0 where none was. */
function shownGeneration({ machine }: StatusView): number {
  if (machine === undefined || 'problem' in machine) return 0;
  const { faults = [], approved = false, image } = machine.attested ?? {};
  return approved && faults.length === 0 ? (image?.generation ?? 0) : 0;
}

/** Says of a machine that it runs an older image than another. */
function withNewest(view: StatusView, newest: number): StatusView {
  const { machine } = view;
  if (machine === undefined || 'problem' in machine) return view;
  const { attested } = machine;
  if (attested?.image === undefined || attested.image.generation >= newest) return view;
  return { ...view, machine: { ...machine, attested: { ...attested, newest } } };
}

function withNotes(views: readonly StatusView[]): StatusView[] {
  const inForce = new Map<string, NodeId[]>();
  const claimed = new Map<string, NodeId[]>();
  const add = (to: Map<string, NodeId[]>, name: string, node: NodeId): void => {
    const key = nameKey(name);
    const nodes = to.get(key);
    if (nodes === undefined) to.set(key, [node]);
    else nodes.push(node);
  };
  for (const view of views) {
    if (view.name !== undefined) add(inForce, view.name, view.node);
    for (const claim of claimsOf(view)) add(claimed, claim, view.node);
  }
  const known = new Map(views.map((view) => [view.node, view]));
  const newest = Math.max(...views.map(shownGeneration));
  return views.map((one) => {
    const view = withNewest(one, newest);
    const { node, name } = view;
    const others = (of: Map<string, NodeId[]>, text: string): NodeId[] =>
      (of.get(nameKey(text)) ?? []).filter((other) => other !== node);
    const notes: StatusNote[] = [];
    if (name !== undefined) {
      const twice = others(inForce, name);
      if (twice.length > 0) notes.push({ code: 'name_twice', name, nodes: twice });
    }
    for (const claim of claimsOf(view)) {
      const holders = others(inForce, claim);
      const rivals = others(claimed, claim);
      if (holders.length > 0) notes.push({ code: 'name_in_force', name: claim, nodes: holders });
      if (rivals.length > 0) notes.push({ code: 'name_claimed', name: claim, nodes: rivals });
      const [holder, ...more] = holders;
      if (view.states.includes('first') && holder !== undefined && more.length === 0) {
        notes.push({ code: 'maybe_new_key', name: claim, node: holder });
      }
    }
    for (const { succeeds } of view.waiting) {
      const isOpen = succeeds !== undefined && known.get(succeeds.node)?.bundle !== undefined;
      if (isOpen && succeeds.isProven) notes.push({ code: 'succeeds', node: succeeds.node });
    }
    return notes.length === 0 ? view : { ...view, notes };
  });
}

/** A view with what lacks signatures. */
export function withCosigned(view: StatusView, cosigned: readonly CosignedView[]): StatusView {
  if (cosigned.length === 0) return view;
  const isOpen = cosigned.some(({ isVoid }) => !isVoid);
  const states = isOpen
    ? STATES.filter((state) => state === 'undersigned' || view.states.includes(state))
    : view.states;
  return { ...view, states: states.filter((state) => !isOpen || state !== 'nothing'), cosigned };
}
