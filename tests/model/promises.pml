/*
 * What must hold in every state (docs/assurance-model.md), and what it is about.
 */

/* Sets of statements. */
short everEntries;  /* were an entry once */
short acknowledged; /* somebody was told that it is decided */
short refused;      /* somebody was told that it will never be */
short gone;         /* an operator pruned it, or restored a copy without it */

byte stops; /* how often an operator stopped all that was under way */
#ifdef RESTORED
byte highest; /* seq that was ever decided */
#else
#define highest 0
#endif
#ifdef WITHDRAWN
bool mayBeTakenBack; /* the first proposal was found undecided by its maker */
#else
#define mayBeTakenBack false
#endif
bool isRestoredWhole; /* approved/ and the others too */
short signedAfter;    /* by a tool that remembers, after such a restore */

hidden byte nothing_acknowledged_is_lost, what_verified_verifies_for_ever, a_refusal_is_final;
hidden byte a_digest_is_decided_once, keyset_versions_never_go_down, approved_was_decided;
hidden byte approved_never_goes_back, the_newest_is_shown, a_refused_proposal_is_kept;
hidden byte a_rejection_shown_is_an_entry, a_removed_admin_decides_nothing_new;
hidden byte a_node_never_goes_back, a_node_is_never_stuck, a_refusal_can_be_told;
hidden byte an_administrators_decision_stands, an_administrator_has_a_seq_left;
hidden byte a_reconfigure_carries_what_is_in_force, what_is_shown_has_its_bundle;
hidden byte enough_signed, what_is_shown_is_not_rejected;
hidden byte what_is_decided_can_be_shown;

/* Checked after every step that changes the store or answers somebody. */
inline check() {
  readHistory();
#ifdef RESTORED
  highest = MAX(highest, seq[r_head]);
#endif
  everEntries = everEntries | r_entries;
  nothing_acknowledged_is_lost = (acknowledged & ~(r_entries | gone)) == 0;
  assert(nothing_acknowledged_is_lost);
  what_verified_verifies_for_ever = (everEntries & ~(r_entries | gone)) == 0;
  assert(what_verified_verifies_for_ever);
  a_refusal_is_final = (refused & r_entries) == 0;
  assert(a_refusal_is_final);
  a_digest_is_decided_once = r_twice == 0;
  assert(a_digest_is_decided_once);
  keyset_versions_never_go_down = r_ordered;
  assert(keyset_versions_never_go_down);
  an_administrators_decision_stands = r_handedBack;
  assert(an_administrators_decision_stands);
  an_administrator_has_a_seq_left = seq[r_head] < LAST_SEQ;
  assert(an_administrator_has_a_seq_left);
  enough_signed = r_signed;
  assert(enough_signed);
#ifndef WRITER_OF_COPIES
  approved_was_decided = approved == 0 ||
    (has(everEntries, statementOf(approved)) && !isReject(statementOf(approved)));
  assert(approved_was_decided);
  what_is_shown_has_its_bundle = !isNaked(approved);
  assert(what_is_shown_has_its_bundle);
  what_is_shown_is_not_rejected = !has(r_entries, REJECT_1) ||
    digestOf(statementOf(approved)) != digestOf(REJECT_1);
  assert(what_is_shown_is_not_rejected);
  a_rejection_shown_is_an_entry = rejected[1] == 0 || has(everEntries, REJECT_1);
  assert(a_rejection_shown_is_an_entry)
#endif
}
