/*
 * Writes of the store whose outcome nobody is told. One may have happened, may never happen, or may
 * happen at any later time for which its condition holds: Network() lets it land or does not, and
 * landing at once is "has happened". So whoever has such a write goes on as if it had not. A write
 * that arrives twice is one whose second arrival finds its condition broken; a delete has none, and
 * lands as often as it likes.
 *
 * A reading that fails, or a write that surely did nothing, ends a request as a crash does; but for
 * decide() before its creation, which answers. There it makes no difference which reading it is.
 */
byte faults = FAULTS;

byte underWay[STATEMENTS + 1]; /* a creation in history/: its slot */
byte lateApproved, lateApprovedOver; /* content, and the ETag that it wants to replace (0: create) */
byte lateRejected, lateRejectedOver;
byte lateDelete;                     /* a digest whose proposal a delete may still take away */

inline occupy(slot, content) {
  history[slot] = content;
  r_i = 1;
  do
  :: r_i <= STATEMENTS ->
    underWay[r_i] = (underWay[r_i] == slot -> 0 : underWay[r_i]);
    r_i++
  :: else -> break
  od
}

inline writeApproved(content) {
#ifndef WRITER_OF_COPIES
  approved_never_goes_back = approved == 0 || seq[statementOf(content)] > seq[statementOf(approved)];
  assert(approved_never_goes_back);
#endif
  approved = content;
#ifndef WRITER_OF_COPIES
  /* What was there never comes back, so whatever wants to replace that never lands. */
  lateApproved = 0; lateApprovedOver = 0;
#endif
  check()
}

inline writeRejected(content) {
  rejected[1] = content;
#ifndef WRITER_OF_COPIES
  lateRejected = 0; lateRejectedOver = 0;
#endif
  check()
}

/* The proposal of r_digest is taken away. It must not be the last copy of what was refused, unless its
   maker took it back before it was. */
inline takeAway() {
#ifndef WRITER_OF_COPIES
  readHistory();
  a_refused_proposal_is_kept = mayBeTakenBack ||
    !(r_digest == 1 && pending[1] == 1 && has(r_entries, REJECT_1)) || rejected[1] == 2;
  assert(a_refused_proposal_is_kept);
#endif
  pending[r_digest] = 0
}

#if FAULTS > 0
proctype Network() {
  byte i;
  do
  :: atomic {
      if
      :: underWay[1] != 0 -> i = 1
      :: underWay[2] != 0 -> i = 2
      :: underWay[3] != 0 -> i = 3
      :: underWay[4] != 0 -> i = 4
      fi;
      d_step { r_slot = underWay[i]; occupy(r_slot, i); i = 0; check() }
    }
  :: d_step {
      lateApproved != 0 && approved == lateApprovedOver ->
      r_content = lateApproved;
      lateApproved = 0; lateApprovedOver = 0;
      writeApproved(r_content)
    }
  :: d_step {
      lateRejected != 0 && rejected[1] == lateRejectedOver ->
      r_content = lateRejected;
      lateRejected = 0; lateRejectedOver = 0;
      writeRejected(r_content)
    }
  :: d_step { lateDelete != 0 && pending[lateDelete] != 0 -> r_digest = lateDelete; takeAway() }
  od
}
#endif
