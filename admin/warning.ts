import type { NodeId, StatementType } from '../bundle/index.ts';
import type { FileFault } from '../protocol/accounts.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { KnownBy } from '../protocol/endorsement.ts';
import type { AttestationFault } from './attested.ts';
import type { EndorsementFault } from './endorsed.ts';
import type { DiffView } from './diff-view.ts';
import type { Doubt } from './doubt.ts';

/** Something in a node's record that deserves a look, and that stops nothing. */
export type RecordWarning =
  /** A slot holds something that does not verify; it changes nothing. */
  | { readonly code: 'junk_slot'; readonly slot: number; readonly reason: ErrorCode }
  /**
   * What is in force was decided under keyset `version`, before the pinned one: a machine whose image
   * pins that refuses it.
   */
  | { readonly code: 'older_keyset'; readonly version: number; readonly pinned: number };

/** Something in a bundle that deserves a second look before it is put in force. */
export type ReviewWarning =
  /** What is in force cannot be opened here: everything is shown as new. */
  | { readonly code: 'in_force_unreadable'; readonly reason: ErrorCode }
  /**
   * Of the files that are put in place these run, or let somebody in, because they are there; and these
   * settings, by name, can start what did not run.
   */
  | {
      readonly code: 'runs_by_place';
      readonly paths: readonly string[];
      readonly settings: readonly string[];
    }
  /** And so many may name a program that something runs. */
  | { readonly code: 'may_name'; readonly files: number }
  /** Whoever knows one of these names gets in. */
  | { readonly code: 'empty_password'; readonly accounts: readonly string[] }
  /** It names a list of paths that the site does not have: of another image, or of a newer site.json. */
  | { readonly code: 'unknown_paths' }
  /** So many paths that the node does not accept: it would refuse the bundle. */
  | { readonly code: 'refused_paths'; readonly paths: number }
  /**
   * The decision before it is a refusal of another proposal, number `seq`, at `issued`, unix seconds, by these
   * administrators: nothing was approved since.
   */
  | {
      readonly code: 'was_refused';
      readonly seq: number;
      readonly issued: number;
      readonly by: readonly string[];
      readonly reason: string;
    }
  /** What a node refuses in the bundle's files, but for lines that its image has too. */
  | { readonly code: 'unbootable'; readonly faults: readonly FileFault[] }
  /** What no node puts in place, whoever approves it. */
  | { readonly code: 'passed_over'; readonly paths: readonly string[] }
  /** The node's key comes from its image: whoever has the image has the key of every node. */
  | { readonly code: 'key_in_image' }
  /** Its machine says that it was this node: `transfer` gives it what that has, and an approval does not. */
  | { readonly code: 'succeeds'; readonly node: NodeId; readonly isProven: boolean }
  /** What vouches for the machine does not show what it claims. */
  | { readonly code: 'not_attested'; readonly faults: readonly AttestationFault[] }
  /** A TPM was approved before, and vouches for nothing of this. */
  | { readonly code: 'not_vouched' }
  /** It makes this TPM the one that is approved, by its words, and what that vouches for was not checked here. */
  | { readonly code: 'new_tpm'; readonly words: string }
  /** What it says of the key by which its TPM may be known is no good. */
  | { readonly code: 'bad_endorsement'; readonly faults: readonly EndorsementFault[] }
  /** Whoever approves it says that the machine's TPM is one that is known so, and was not before. */
  | { readonly code: 'known_tpm'; readonly known: KnownBy }
  /** Administrators knew the machine's TPM, and with this they do not. */
  | { readonly code: 'forgets_tpm' }
  /** Paths that were named, to be shown or taken unseen, and are in neither bundle. */
  | { readonly code: 'not_there'; readonly paths: readonly string[] }
  /** Images of earlier generations are revoked on the machine, for ever. */
  | { readonly code: 'revokes_images'; readonly generation: number }
  /** The machine's memory was wiped, and takes this, since it was made after that. */
  | { readonly code: 'after_wipe' }
  /** Sealed to so many recipients, and the newest keyset asks for others: made under another one. */
  | { readonly code: 'recipients'; readonly sealed: number; readonly expected: number };

/** What a decision does besides what it is made for. */
export type PlanWarning =
  /** The node is revoked, by decision `seq`: this lets it apply a configuration again. */
  | { readonly code: 'ends_revoke'; readonly seq: number; readonly reason: string }
  /** The node was asked to make a new proposal: this takes that back. */
  | { readonly code: 'ends_reconfigure' }
  /** So many proposals wait, made before it: each is stale afterwards. */
  | { readonly code: 'makes_stale'; readonly proposals: number }
  /** It is good until then, unix seconds, as it was before: nobody said until when. */
  | { readonly code: 'keeps_expiry'; readonly expires: number };

/** A decision by its number and type. */
export interface DecisionName {
  readonly seq: number;
  readonly type: StatementType;
}

/** Why a plan is not signed unless whoever consents says so in particular. */
export type Objection =
  /**
   * The proposal was made before what is in force now, and undoes it. `since`: what changed in force
   * after it was made, without contents; absent where what it was made against is not there.
   */
  | { readonly code: 'stale_base'; readonly inForce?: DecisionName; readonly since?: DiffView }
  /** The bundle of an older decision: to go back to it is a rollback. */
  | {
      readonly code: 'older_bundle';
      readonly decision: DecisionName & { readonly slot: number };
      readonly inForce?: DecisionName;
    }
  /**
   * Files of which nothing was shown: they are secret, in no format that is known, so that nobody can
   * tell their secrets from what they run.
   */
  | { readonly code: 'withheld'; readonly paths: readonly string[] }
  /** Files that can run something, and so many settings, for which the review was too long. */
  | { readonly code: 'cut'; readonly paths: readonly string[]; readonly settings: number }
  /**
   * Files that the node would refuse: neither the built-in list of paths nor its site's has them; with
   * `unknown`, nobody here can tell, since it names another list. No consent lifts it.
   */
  | { readonly code: 'refused_paths'; readonly paths: readonly string[]; readonly unknown: boolean }
  /** The store contradicts what this program remembers. */
  | { readonly code: 'record_doubtful'; readonly doubt: Doubt };
