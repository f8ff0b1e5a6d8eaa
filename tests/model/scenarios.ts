/** Who runs in each scenario of `scenarios.pml` that is searched completely. */
export const SCENARIOS: Readonly<Record<string, string>> = {
  TOGETHER:
    'two approve, one of them ahead of the store, one rejects, two repair, a node boots, and a PUT URL is used again',
  FAULTS: 'two writes of decisions, of whichever object, have no answer and may land late',
  FAULTY_REPAIR: 'two writes of a decision or a repair have no answer and may land late',
  AGAIN: 'a statement is sent again while the first request still runs',
  HISTORY_WRITER: 'somebody puts junk and statements that lost into the history',
  REPAIRED_JUNK: 'two repair a history with junk, or with what lost, and a PUT URL is used again',
  COPIES_WRITER: 'somebody overwrites and deletes the copies and the proposals',
  KEYSETS: 'the keyset changes while a removed administrator approves',
  OLD_REFUSAL: 'a node asks about a refusal that is older than the keyset that it knows',
  WITHDRAWN: 'an administrator takes a proposal back while it is approved, rejected and repaired',
  LISTINGS: 'a listing shows any part of what is created meanwhile',
  BUNDLES: 'bundles are approved again from their slot, carried over, and kept out of entries',
  OWN: 'the node approves for itself, a thief of its key too, and administrators step in',
  THRESHOLD: 'two administrators must sign',
  COSIGNED:
    'two statements about one proposal gather signatures at once, and the administrators change meanwhile',
  RESTORED: 'an older copy of the store is put back',
  PRUNED: 'old entries are deleted',
};

interface Variant {
  readonly mistake: string;
  readonly scenario: string;
  readonly violates: string;
}

/** The mistakes that the model can be told to make, and the promise that each breaks first. */
export const VARIANTS: Readonly<Record<string, Variant>> = {
  SLOT_IS_SEQ: {
    mistake: 'keeps an entry under its signed seq, with gaps',
    scenario: 'TOGETHER',
    violates: 'nothing_acknowledged_is_lost',
  },
  SLOT_FROM_LATER_LISTING: {
    mistake: 'takes the slot from a later listing than the head',
    scenario: 'TOGETHER',
    violates: 'nothing_acknowledged_is_lost',
  },
  HEAD_NOT_CHECKED_AGAIN: {
    mistake: 'does not check the head again after a lost race',
    scenario: 'TOGETHER',
    violates: 'nothing_acknowledged_is_lost',
  },
  APPROVED_UNCONDITIONAL: {
    mistake: 'overwrites approved/ without a condition',
    scenario: 'TOGETHER',
    violates: 'approved_never_goes_back',
  },
  APPROVED_NOT_FORWARD: {
    mistake: 'replaces a newer copy at approved/',
    scenario: 'TOGETHER',
    violates: 'approved_never_goes_back',
  },
  DECIDED_UNCHECKED: {
    mistake: 'decides a proposal that is decided',
    scenario: 'TOGETHER',
    violates: 'a_digest_is_decided_once',
  },
  PROPOSAL_DELETED_FIRST: {
    mistake: 'deletes a refused proposal before it is kept in rejected/',
    scenario: 'TOGETHER',
    violates: 'a_refused_proposal_is_kept',
  },
  REJECTED_LOSES_PROPOSAL: {
    mistake: 'replaces a rejection that holds the proposal by one that does not',
    scenario: 'TOGETHER',
    violates: 'a_refused_proposal_is_kept',
  },
  REPAIRER_DELETES: {
    mistake: 'deletes junk from the history',
    scenario: 'REPAIRED_JUNK',
    violates: 'nothing_acknowledged_is_lost',
  },
  UNKNOWN_IS_DONE: {
    mistake: 'takes a creation without an answer for done',
    scenario: 'FAULTS',
    violates: 'nothing_acknowledged_is_lost',
  },
  UNTOLD_COPY_IS_DONE: {
    mistake: 'takes a copy without an answer for published',
    scenario: 'FAULTS',
    violates: 'the_newest_is_shown',
  },
  REFUSED_AFTER_UNKNOWN: {
    mistake: 'says "refused" after an outcome that is not known',
    scenario: 'FAULTS',
    violates: 'a_refusal_is_final',
  },
  UNREADABLE_IS_JUNK: {
    mistake: 'takes an entry that could not be read for junk',
    scenario: 'FAULTS',
    violates: 'a_refusal_is_final',
  },
  ENTRY_ABOVE_FREE_SLOT: {
    mistake: 'accepts an entry above a free slot',
    scenario: 'HISTORY_WRITER',
    violates: 'what_verified_verifies_for_ever',
  },
  PREV_UNCHECKED: {
    mistake: 'accepts an entry that follows another head',
    scenario: 'HISTORY_WRITER',
    violates: 'a_refusal_is_final',
  },
  NODE_IGNORES_MEMORY: {
    mistake: 'boots without looking at its memory',
    scenario: 'COPIES_WRITER',
    violates: 'a_node_never_goes_back',
  },
  KEYSET_UNCHECKED_BY_SERVER: {
    mistake: 'commits a decision of an older keyset',
    scenario: 'KEYSETS',
    violates: 'a_removed_admin_decides_nothing_new',
  },
  KEYSET_UNCHECKED_BY_READERS: {
    mistake: 'reads an entry of an older keyset than the one below it',
    scenario: 'KEYSETS',
    violates: 'keyset_versions_never_go_down',
  },
  REFUSAL_OF_OLD_KEYSET: {
    mistake: 'does not believe an old refusal because the keyset has changed since',
    scenario: 'OLD_REFUSAL',
    violates: 'a_refusal_can_be_told',
  },
  WITHDRAWS_WHAT_IS_DECIDED: {
    mistake: 'takes a proposal back without a look whether it is decided',
    scenario: 'WITHDRAWN',
    violates: 'a_refused_proposal_is_kept',
  },
  LISTED_ONCE: {
    mistake: 'takes a listing with a gap for the record of a moment',
    scenario: 'LISTINGS',
    violates: 'a_refusal_is_final',
  },
  FORGOTTEN_PUBLISHED: {
    mistake: 'shows a node an entry that lacks its bundle',
    scenario: 'BUNDLES',
    violates: 'what_is_shown_has_its_bundle',
  },
  RECONFIGURE_UNCHECKED: {
    mistake: 'lets a reconfigure name what is not in force',
    scenario: 'BUNDLES',
    violates: 'a_reconfigure_carries_what_is_in_force',
  },
  OWN_FOLLOWS_ANYTHING: {
    mistake: 'lets a node overrule its administrators',
    scenario: 'OWN',
    violates: 'an_administrators_decision_stands',
  },
  OWN_SEQ_UNBOUNDED: {
    mistake: 'lets a node take the last seq there is',
    scenario: 'OWN',
    violates: 'an_administrator_has_a_seq_left',
  },
  THRESHOLD_UNCHECKED_BY_SERVER: {
    mistake: 'commits what too few have signed',
    scenario: 'THRESHOLD',
    violates: 'nothing_acknowledged_is_lost',
  },
  THRESHOLD_UNCHECKED_BY_READERS: {
    mistake: 'reads what too few have signed',
    scenario: 'THRESHOLD',
    violates: 'enough_signed',
  },
  SIGNATURES_OF_ANOTHER: {
    mistake: 'counts for a statement what was signed about its proposal otherwise',
    scenario: 'COSIGNED',
    violates: 'nothing_acknowledged_is_lost',
  },
  SHOWN_UNCHECKED: {
    mistake: 'decides below what the node is shown',
    scenario: 'RESTORED',
    violates: 'what_is_decided_can_be_shown',
  },
  RESTORES_UNDER_WAY: {
    mistake: 'restores a copy while requests run',
    scenario: 'RESTORED',
    violates: 'what_is_decided_can_be_shown',
  },
  PRUNES_UNDER_WAY: {
    mistake: 'prunes while requests run',
    scenario: 'PRUNED',
    violates: 'nothing_acknowledged_is_lost',
  },
  PRUNES_WHAT_IS_IN_FORCE: {
    mistake: 'prunes what is in force',
    scenario: 'PRUNED',
    violates: 'what_is_shown_is_not_rejected',
  },
};
