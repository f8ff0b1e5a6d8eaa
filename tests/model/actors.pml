/*
 * Who acts on the store: administrators, repairers, nodes, and those who wish no good.
 *
 * A process that is never scheduled again has crashed: so a crash between any two calls is in every
 * run, for everybody.
 */

/* Who brings a statement, and how it was signed. */
#define ADMIN 0
#define REMOVED_ADMIN 1 /* in keyset 2: it can sign under keyset 1 only, whatever it sees */
#define AGAIN 2         /* heard nothing in time, and sends what was signed once more */
#define COSIGNER 3      /* adds its signature to what another administrator signed */
#define OWN_NODE 4      /* signs what it is shown: agent/boot/propose.ts */
#define NODE_THIEF 5    /* holds the node's key, and wants to have the last word */
#define CARELESS 6      /* names the first bundle, whatever is in force */
#define REMEMBERS 7     /* an administrator whose tool knows the highest seq that there was */

inline sign(who, id, above) {
  readHistory();
  prev[id] = r_head;
  seq[id] = MAX(seq[r_head], (who == REMEMBERS -> highest : above)) + 1;
  version[id] = (who == REMOVED_ADMIN -> 1 : keysets);
  signatures[id] = 1;
  carried = (id != RECONFIGURE -> carried : (who == CARELESS -> 1 : digestInForce));
  signedAfter = (isRestoredWhole && who == REMEMBERS -> signedAfter | bit(id) : signedAfter);
  issued = issued | bit(id)
}

/* Where somebody else could commit what the server would refuse, tools look first. */
#ifdef CAREFUL
#define maySign(id) (!(takesProposal(id) || isReject(id)) || !has(r_decided, digestOf(id)))
#else
#define maySign(id) true
#endif

/* `above`: a seq that the memory of a tool holds, from a store that has lost it. */
proctype Request(byte who; byte id; byte above) {
  LOCALS
#ifdef STOPPED
  byte began;
#endif
  atomic {
    if
    :: who == ADMIN || who == REMOVED_ADMIN || who >= CARELESS ->
      d_step { readHistory() };
      if
      :: maySign(id) -> d_step { sign(who, id, above) }
      :: else -> goto stop
      fi
    :: who == AGAIN && has(issued, id) -> skip
    :: who == COSIGNER && has(issued, id) -> signatures[id] = 2
    :: who == OWN_NODE && (approved == 0 || isOwn(approved) || approved == RECONFIGURE) ->
      d_step {
        prev[id] = approved;
        seq[id] = seq[approved] + 1;
        version[id] = keysets;
        signatures[id] = THRESHOLD;
        issued = issued | bit(id)
      }
    :: who == NODE_THIEF -> d_step { sign(who, id, LAST_SEQ - 1) }
    :: who == NODE_THIEF -> d_step { sign(who, id, 0) }
    fi
#ifdef STOPPED
    ; began = stops
#endif
  }
#ifdef STOPPED
  { decide(id) } unless { began != stops }
#else
  decide(id)
#endif
}

#ifdef RESTORED
/* Copies the bucket, and puts the copy back some time later: the record, or all of it. No server
   runs meanwhile: what was under way ends there. */
proctype Operator() {
  byte copy[SLOTS + 1], approvedCopy, rejectedCopy, pendingCopy[3];
  d_step {
    r_i = 1;
    do
    :: r_i <= SLOTS -> copy[r_i] = history[r_i]; r_i++
    :: else -> break
    od;
    approvedCopy = approved; rejectedCopy = rejected[1];
    pendingCopy[1] = pending[1]; pendingCopy[2] = pending[2]
  }
  atomic {
    if
    :: isRestoredWhole = true
    :: skip
    fi;
    d_step {
      r_i = 1;
      do
      :: r_i <= SLOTS -> history[r_i] = copy[r_i]; copy[r_i] = 0; r_i++
      :: else -> break
      od;
      approved = (isRestoredWhole -> approvedCopy : approved);
      rejected[1] = (isRestoredWhole -> rejectedCopy : rejected[1]);
      pending[1] = (isRestoredWhole -> pendingCopy[1] : pending[1]);
      pending[2] = (isRestoredWhole -> pendingCopy[2] : pending[2]);
      approvedCopy = 0; rejectedCopy = 0; pendingCopy[1] = 0; pendingCopy[2] = 0;
#ifndef BROKEN_RESTORES_UNDER_WAY
      stops++;
#endif
      readHistory();
      gone = everEntries & ~r_entries;
      refused = 0;
      check()
    }
  }
}
#endif

#ifdef PRUNED
/* Deletes whole entries from below: never the newest, never what is in force, and only once that is
   shown. No server runs meanwhile. */
proctype Pruner(byte entries) {
  do
  :: entries > 0 ->
    d_step {
      readHistory();
      r_x = (r_head != 0 -> statementOf(history[r_lowest]) : 0);
      if
#ifdef BROKEN_PRUNES_WHAT_IS_IN_FORCE
      :: r_x != r_head ->
#else
      :: r_x != r_head && r_x != statementOf(r_inForce) && approved == r_inForce ->
#endif
        history[r_lowest] = 0;
        gone = gone | bit(r_x);
        entries--;
#ifndef BROKEN_PRUNES_UNDER_WAY
        stops++;
#endif
        check()
      :: else -> skip
      fi
    }
  :: else -> break
  od
}
#endif

/* Makes keyset 2. */
proctype Keysets() {
  keysets = 2
}

/* Two repairers are the same: `after` is 1 for the one that lists second. */
byte listings;
proctype Repairer(byte after) {
  LISTING_LOCALS
  byte inForce, proposal, etag, settles;
  bool rejects, settles2;
  repair()
}

/* protocol/verify.ts: verifyForNode, at any number of boots. A boot whose memory is lost before it
   is written is a boot that was not. */
proctype Node() {
  byte memory;
  do
  :: atomic {
      isShown(approved) && !(isNaked(approved) && statementOf(approved) != RECONFIGURE) &&
      statementOf(approved) != memory ->
      d_step {
        r_x = statementOf(approved);
#ifdef FORWARD_ONLY
        a_node_is_never_stuck = (seq[r_x] > seq[memory] && version[r_x] >= version[memory]) ||
          (isRestoredWhole && !has(signedAfter, r_x))
        assert(a_node_is_never_stuck);
#endif
        if
#ifdef BROKEN_NODE_IGNORES_MEMORY
        :: true ->
#else
        :: seq[r_x] > seq[memory] && version[r_x] >= version[memory] ->
#endif
          a_node_never_goes_back = seq[r_x] > seq[memory] && version[r_x] >= version[memory];
          assert(a_node_never_goes_back);
          memory = r_x
#ifndef BROKEN_NODE_IGNORES_MEMORY
        :: else -> skip /* rollback_refused */
#endif
        fi
      }
    }
  :: d_step { /* asks why its proposal was refused */
      rejected[1] != 0 && rejected[1] != JUNK ->
#ifdef BROKEN_REFUSAL_OF_OLD_KEYSET
      a_refusal_can_be_told = version[REJECT_1] >= version[memory];
#else
      a_refusal_can_be_told = version[REJECT_1] >= version[memory] || seq[REJECT_1] < seq[memory];
#endif
      assert(a_refusal_can_be_told)
    }
  od
}

#ifdef WITHDRAWN
/* withdraw.ts: whoever made the first proposal takes it back. */
proctype Withdrawer() {
  bool isOurs;
  isOurs = pending[1] == 1;
  atomic {
    d_step { readHistory() };
    if
#ifdef BROKEN_WITHDRAWS_WHAT_IS_DECIDED
    :: isOurs -> mayBeTakenBack = !has(r_decided, 1)
#else
    :: isOurs && !has(r_decided, 1) -> mayBeTakenBack = true
#endif
    :: else -> goto stop
    fi
  }
  d_step { r_digest = 1; takeAway() };
stop:
  skip
}
#endif

/* The presigned URL of the first proposal is used again, after it was deleted. */
proctype PutAgain() {
  atomic { pending[1] == 0 -> pending[1] = 1 }
}

/* Somebody with the right to create objects in history/: junk, and whatever was ever signed, whole
   or without its bundle. */
proctype WriterOfHistory(byte writes) {
  byte slot, content;
  do
  :: writes > 0 ->
    atomic {
      slot = 1;
      do
      :: slot < SLOTS -> slot++
      :: break
      od;
      if
      :: content = JUNK
      :: has(issued, 1) -> content = 1
      :: has(issued, 2) -> content = 2
      :: has(issued, 3) -> content = 3
      :: has(issued, 4) -> content = 4
#ifdef NAKED_WRITER
      :: has(issued, 5) -> content = 5
      :: has(issued, 6) -> content = 6
      :: has(issued, 1) -> content = 1 | NAKED
      :: has(issued, 5) -> content = 5 | NAKED
      :: has(issued, 6) && carried != 0 -> content = 6 | NAKED
#endif
      fi;
      d_step {
        if
        :: history[slot] == 0 ->
          r_content = (content != JUNK && signatures[content & 15] < THRESHOLD -> content | HALF : content);
          occupy(slot, r_content); writes--; check()
        :: else -> skip
        fi;
        slot = 0; content = 0
      }
    }
  :: else -> break
  od
}

#ifdef WRITER_OF_COPIES
/* ... and in approved/, rejected/ and pending/, where it may also overwrite and delete. */
proctype WriterOfCopies(byte writes) {
  do
  :: writes > 0 ->
    atomic {
      if
      :: approved = 0
      :: approved = JUNK
      :: has(issued, 1) -> approved = 1
      :: has(issued, 1) -> approved = 1 | NAKED
      :: has(issued, 2) -> approved = 2
      :: rejected[1] = JUNK
      :: pending[1] = 0
      :: pending[1] = JUNK
      fi;
      writes--
    }
  :: else -> break
  od
}
#endif
