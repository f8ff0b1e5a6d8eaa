/*
 * The approval protocol as functions/approval/ and protocol/history.ts do it, for one node.
 * docs/assurance-model.md says which line keeps which promise, and what is left out.
 *
 * One step is one call of the store. Whoever stops for ever is a process that is never scheduled
 * again: so a crash between any two calls is in every run. Scenarios and broken variants are
 * chosen by -D switches (model.test.ts); a name of a broken variant begins with BROKEN_.
 */

/* Who runs, how often the store fails to tell an outcome, how often somebody else writes. */
#if defined(SCENARIO_ALL)
#define SLOTS 3
#define PROCESSES run Admin(APPROVE_1, 0); run Admin(APPROVE_2, 2); run Admin(REJECT_1, 0); \
  run Repairer(); run Repairer(); run Node(true); run Node(false); run PutAgain()
#elif defined(SCENARIO_RACES)
#define SLOTS 3
#define PROCESSES run Admin(APPROVE_1, 0); run Admin(APPROVE_2, 2); run Admin(REJECT_1, 0); \
  run Repairer(); run Node(true); run Node(false)
#elif defined(SCENARIO_REPAIRERS)
#define SLOTS 4
#define WRITES 1
#define CAREFUL
#define isAlone(id) false
#define PROCESSES run Admin(APPROVE_1, 0); run Admin(REJECT_1, 2); run Repairer(); \
  run Repairer(); run WriterOfHistory(); run PutAgain(); run Node(true)
#elif defined(SCENARIO_FAULTS)
#define SLOTS 3
#define FAULTS 2
#define PROCESSES run Admin(APPROVE_1, 0); run Admin(APPROVE_2, 2); run Admin(REJECT_1, 0); \
  run Network(); run Node(true)
#elif defined(SCENARIO_AGAIN)
#define SLOTS 3
#define FAULTS 1
#define isAlone(id) (id != APPROVE_1)
#define PROCESSES run Admin(APPROVE_1, 0); run Again(APPROVE_1); run Admin(REJECT_1, 0); \
  run Network(); run Repairer(); run Node(true)
#elif defined(SCENARIO_HISTORY_WRITER)
#define CAREFUL
#define SLOTS 5
#define WRITES 2
#define isAlone(id) false
#define PROCESSES run Admin(APPROVE_1, 0); run Admin(APPROVE_2, 2); run Admin(REJECT_1, 0); \
  run WriterOfHistory()
#elif defined(SCENARIO_COPIES_WRITER)
#define WRITER_OF_COPIES
#define SLOTS 2
#define COPIES 2
#define PROCESSES run Admin(APPROVE_1, 0); run Admin(APPROVE_2, 2); run WriterOfCopies(); \
  run Repairer(); run Node(true)
#elif defined(SCENARIO_KEYSETS)
#define KEYSETS
#define SLOTS 4
#define WRITES 1
#define isAlone(id) false
#define PROCESSES run Admin(APPROVE_1, 0); run RemovedAdmin(APPROVE_2); run KeysAdmin(REVOKE); \
  run WriterOfHistory(); run Node(true)
#endif
#ifndef FAULTS
#define FAULTS 0
#endif
#ifndef WRITES
#define WRITES 0
#endif
#ifndef COPIES
#define COPIES 0
#endif
#ifndef isAlone
#define isAlone(id) true /* no one else can commit this statement */
#endif
#ifndef TRIES
#define TRIES 3 /* 6 in the code */
#endif

/* Statements are fixed but for what their signer saw: who signs which. 0 is "nothing". */
#define APPROVE_1 1 /* approve the first proposal */
#define APPROVE_2 2 /* approve the second */
#define REJECT_1 3  /* reject the first */
#define REVOKE 4    /* no proposal */
#define STATEMENTS 4
#define JUNK 7

#define isStatement(x) (x != 0 && x != JUNK)
#define isReject(x) (x == REJECT_1)
#define digestOf(x) (x == REVOKE -> 0 : (x == APPROVE_2 -> 2 : 1))
#define bit(x) (1 << (x))
#define has(set, x) (((set) & bit(x)) != 0)
#define MAX(a, b) ((a) > (b) -> (a) : (b))

byte prev[STATEMENTS + 1];
byte seq[STATEMENTS + 1];
byte version[STATEMENTS + 1]; /* of the keyset that it was signed under */
byte issued;                  /* set: everybody who reads the network or the bucket may have them */

/* The store. Content is its own ETag: an equal ETag is an equal statement. */
byte history[SLOTS + 1]; /* 0 free, a statement, JUNK */
byte approved;           /* 0, a statement, JUNK */
byte pending[3];         /* 0, 1 the proposal, JUNK */
byte rejected[2];        /* [1]: 0, 1 the rejection, 2 with the proposal, JUNK */
byte keysets = 1;        /* the newest version */

/* A creation in history/ whose outcome was not told: it may still land while its slot is free. */
byte underWay[STATEMENTS + 1];
byte faults = FAULTS;

/* What was promised to whom: sets of statements. */
byte everEntries;
byte acknowledged;
byte refused;

/* Scratch of one step. */
hidden byte r_head, r_slot, r_next, r_inForce, r_entries, r_decided, r_i, r_x;
hidden byte r_free, r_ordered;
hidden byte nothing_acknowledged_is_lost, what_verified_verifies_for_ever, a_refusal_is_final;
hidden byte a_digest_is_decided_once, keyset_versions_never_go_down, approved_is_an_entry;
hidden byte approved_never_goes_back, the_newest_is_shown, a_refused_proposal_is_kept;
hidden byte a_rejection_shown_is_an_entry, a_removed_admin_decides_nothing_new;
hidden byte nothing_is_removed_from_history, a_node_never_goes_back, a_node_is_never_stuck;

/* protocol/history.ts: demandFollows */
#ifdef BROKEN_PREV_UNCHECKED
#define followsPrev(x, head) true
#else
#define followsPrev(x, head) (prev[x] == head)
#endif
#ifdef BROKEN_KEYSET_UNCHECKED_BY_READERS
#define followsKeyset(x, head) true
#else
#define followsKeyset(x, head) (version[x] >= version[head])
#endif
#define follows(x, head) (followsPrev(x, head) && seq[x] > seq[head] && followsKeyset(x, head))

/* protocol/history.ts: readHistory. The lowest entry is taken without its prev. */
#if defined(BROKEN_ENTRY_ABOVE_FREE_SLOT) || defined(BROKEN_SLOT_IS_SEQ)
#define inPlace(x) true
#else
#define inPlace(x) (!r_free || (r_head == 0 && prev[x] != 0))
#endif

inline readHistory() {
  r_head = 0; r_slot = 0; r_inForce = 0; r_entries = 0; r_decided = 0;
  r_free = false; r_ordered = true; a_digest_is_decided_once = true;
  r_i = 1;
  do
  :: r_i <= SLOTS ->
    r_x = history[r_i];
    if
    :: r_x == 0 -> r_free = true
    :: isStatement(r_x) && (r_head == 0 || follows(r_x, r_head)) && inPlace(r_x) ->
      r_ordered = r_ordered && version[r_x] >= version[r_head];
      r_head = r_x; r_slot = r_i; r_free = false;
      r_entries = r_entries | bit(r_x);
      if
      :: digestOf(r_x) != 0 ->
        a_digest_is_decided_once = a_digest_is_decided_once && !has(r_decided, digestOf(r_x));
        r_decided = r_decided | bit(digestOf(r_x))
      :: else -> skip
      fi;
      if
      :: !isReject(r_x) -> r_inForce = r_x
      :: else -> skip
      fi
    :: else -> skip /* junk */
    fi;
    r_i++
  :: else -> break
  od;
  r_next = r_slot + 1;
  do
  :: r_next <= SLOTS && history[r_next] != 0 -> r_next++
  :: else -> break
  od
}

/* What must hold in every state: checked after every step that changes the store or answers. */
inline check() {
  readHistory();
  assert(a_digest_is_decided_once);
  everEntries = everEntries | r_entries;
  nothing_acknowledged_is_lost = (acknowledged & ~r_entries) == 0;
  assert(nothing_acknowledged_is_lost);
  what_verified_verifies_for_ever = (everEntries & ~r_entries) == 0;
  assert(what_verified_verifies_for_ever);
  a_refusal_is_final = (refused & r_entries) == 0;
  assert(a_refusal_is_final);
  keyset_versions_never_go_down = r_ordered;
  assert(keyset_versions_never_go_down);
#ifndef WRITER_OF_COPIES
  approved_is_an_entry = approved == 0 || (has(r_entries, approved) && !isReject(approved));
  assert(approved_is_an_entry);
  a_rejection_shown_is_an_entry = rejected[1] == 0 || has(r_entries, REJECT_1);
  assert(a_rejection_shown_is_an_entry)
#endif
}

inline occupy(slot, content) {
  history[slot] = content;
  r_i = 1;
  do
  :: r_i <= STATEMENTS ->
    if
    :: underWay[r_i] == slot -> underWay[r_i] = 0
    :: else -> skip
    fi;
    r_i++
  :: else -> break
  od
}

/* functions/approval/objects.ts: putForward on approved/<node>, with isForward of publish.ts */
inline publishInForce(mine, etag) {
  do
  :: atomic {
      etag = approved;
      if
      :: isStatement(etag) && (seq[etag] > seq[mine] || etag == mine) -> etag = 0; break
      :: else -> skip
      fi
    }
    atomic {
      if
#ifdef BROKEN_APPROVED_UNCONDITIONAL
      :: true ->
#else
      :: approved == etag ->
#endif
        d_step {
          approved_never_goes_back = !isStatement(approved) || seq[mine] > seq[approved];
          assert(approved_never_goes_back);
          approved = mine;
          etag = 0;
          check();
          the_newest_is_shown = seq[approved] >= seq[mine];
          assert(the_newest_is_shown)
        };
        if
        :: break
        :: faults > 0 -> faults-- /* written, but not told: read again */
        fi
#ifndef BROKEN_APPROVED_UNCONDITIONAL
      :: approved != etag -> etag = 0
#endif
      fi
    }
  od
}

/* functions/approval/publish.ts: publishRejection */
inline publishRejection(proposal, etag) {
  atomic { proposal = (pending[1] == 1 -> 2 : 1) }
  do
  :: atomic {
      etag = rejected[1];
      if
      :: etag != JUNK && etag >= proposal -> etag = 0; proposal = 0; break
      :: else -> skip
      fi
    }
    atomic {
      if
      :: rejected[1] == etag ->
        d_step { rejected[1] = proposal; etag = 0; check() };
        if
        :: proposal = 0; break
        :: faults > 0 -> faults--
        fi
      :: else -> etag = 0
      fi
    }
  od
}

/* functions/approval/publish.ts: removeProposal. It must not be the last copy of what was refused. */
inline removeProposal(digest) {
  d_step {
    readHistory();
#ifndef WRITER_OF_COPIES
    a_refused_proposal_is_kept =
      !(digest == 1 && pending[1] == 1 && has(r_entries, REJECT_1)) || rejected[1] == 2;
    assert(a_refused_proposal_is_kept);
#endif
    pending[digest] = 0
  }
}

#ifdef BROKEN_KEYSET_UNCHECKED_BY_SERVER
#define isNewestKeyset(id) true
#else
#define isNewestKeyset(id) (version[id] == keysets)
#endif
#ifdef BROKEN_DECIDED_UNCHECKED
#define isUndecided(id) true
#else
#define isUndecided(id) (digestOf(id) == 0 || !has(r_decided, digestOf(id)))
#endif
#ifdef BROKEN_SLOT_IS_SEQ
#define slotFor(id) seq[id]
#else
#define slotFor(id) r_next
#endif

#define FOUND 1
#define HEAD_MOVED 2
#define REFUSED 3
#define PASSED 4

#define isAbove(shown, id) (!isReject(id) && isStatement(shown) && seq[shown] >= seq[id])

/* functions/approval/decide.ts: attempt, after the listing */
inline judge(id) {
  if
  :: has(r_entries, id) -> verdict = FOUND
  :: !has(r_entries, id) && prev[id] != r_head -> verdict = HEAD_MOVED
  :: else ->
    if
    :: seq[id] <= seq[r_head] || version[id] < version[r_head] ||
       shownAbove ||
       !isUndecided(id) || (digestOf(id) != 0 && !isReject(id) && proposal != 1) ->
      verdict = REFUSED
    :: else -> verdict = PASSED
    fi
  fi
}

/* One request: functions/approval/decide.ts. The same statement may be brought by several. */
inline decide(id) {
  skip;
attempt:
  atomic { shownAbove = isAbove(approved, id); lateKeyset = keysets > version[id] }
  if
  :: digestOf(id) != 0 && !isReject(id) -> proposal = pending[digestOf(id)]
  :: else -> skip
  fi;
  atomic {
    if
    :: true ->
      d_step {
        readHistory();
        judge(id);
        shownAbove = false; proposal = 0;
        slot = (verdict == PASSED -> slotFor(id) : 0);
        inForce = r_inForce
      }
    :: faults > 0 -> faults--; verdict = REFUSED /* a read failed */
#ifdef BROKEN_UNREADABLE_IS_JUNK
    :: faults > 0 ->
      faults--;
      d_step {
        readHistory();
        etag = r_slot; /* the head is there, and cannot be read */
        history[0] = history[etag];
        history[etag] = JUNK;
        readHistory();
        history[etag] = history[0];
        history[0] = 0;
        etag = 0;
        judge(id);
        shownAbove = false; proposal = 0;
        slot = (verdict == PASSED -> slotFor(id) : 0);
        inForce = r_inForce
      }
#endif
    fi;
    if
    :: verdict == FOUND -> verdict = 0; d_step { acknowledged = acknowledged | bit(id); check() }; goto committed
    :: verdict == PASSED -> verdict = 0
    :: else -> goto refuse
    fi
  }
#ifdef KEYSETS
  atomic {
    if
    :: isNewestKeyset(id) -> skip
    :: else -> slot = 0; verdict = REFUSED; goto refuse
    fi
  }
#endif
create:
#ifdef BROKEN_SLOT_FROM_LATER_LISTING
  d_step { readHistory(); slot = r_next }
#endif
  atomic {
    if
    :: slot > SLOTS -> goto stop
    :: slot <= SLOTS && history[slot] == 0 ->
      d_step {
        occupy(slot, id);
        acknowledged = acknowledged | bit(id);
        slot = 0;
        a_removed_admin_decides_nothing_new = !lateKeyset;
        assert(a_removed_admin_decides_nothing_new);
        check()
      };
      goto committed
    :: slot <= SLOTS && history[slot] != 0 -> skip
    :: slot <= SLOTS && faults > 0 ->
      faults--;
      unknown = true;
      underWay[id] = (history[slot] == 0 -> slot : underWay[id])
    fi;
    slot = 0; inForce = 0; lateKeyset = false;
    tries++;
    if
    :: tries < TRIES ->
#ifdef BROKEN_HEAD_NOT_CHECKED_AGAIN
      d_step { readHistory(); slot = r_next; inForce = r_inForce };
      if
      :: has(r_entries, id) -> slot = 0; goto committed
      :: else -> goto create
      fi
#else
      goto attempt
#endif
    :: else -> verdict = REFUSED
    fi
  }
refuse:
  atomic {
    if
#ifdef BROKEN_REFUSED_AFTER_UNKNOWN
    :: true -> refused = refused | bit(id)
#else
    :: verdict == HEAD_MOVED -> refused = refused | bit(id)
    /* Any other refusal is final for whoever asked only once, and told nobody the statement. */
    :: verdict != HEAD_MOVED && !unknown && isAlone(id) -> refused = refused | bit(id)
    :: else -> skip
#endif
    fi;
    verdict = 0;
    d_step { check() };
    goto stop
  }
committed:
  atomic {
    lateKeyset = false;
    inForce = (!isReject(id) && seq[id] > seq[inForce] -> id : inForce)
  }
#ifdef BROKEN_PROPOSAL_DELETED_FIRST
  if
  :: digestOf(id) != 0 -> removeProposal(digestOf(id))
  :: else -> skip
  fi;
#endif
  if
  :: inForce != 0 -> publishInForce(inForce, etag)
  :: else -> skip
  fi;
  if
  :: isReject(id) -> publishRejection(proposal, etag)
  :: else -> skip
  fi;
  if
  :: digestOf(id) != 0 -> removeProposal(digestOf(id))
  :: else -> skip
  fi;
stop:
  atomic {
    shownAbove = false; proposal = 0; slot = 0; inForce = 0; etag = 0; verdict = 0; tries = 0;
    unknown = false; lateKeyset = false
  }
}

/* An administrator's tool signs what it saw; this one does not look whether that is decided. */
inline sign(id, ahead, keyset) {
  d_step {
    readHistory();
    prev[id] = r_head;
    seq[id] = MAX(seq[r_head], ahead) + 1;
    version[id] = keyset;
    issued = issued | bit(id)
  }
}

#define locals byte proposal, slot, inForce, etag, verdict, tries; bool shownAbove, unknown, lateKeyset

/* Whether it looks first: only who writes the bucket could commit what a server would refuse. */
#ifdef CAREFUL
#define maySign(id) (digestOf(id) == 0 || !has(r_decided, digestOf(id)))
#else
#define maySign(id) true
#endif

proctype Admin(byte id; byte ahead) {
  locals;
  atomic {
    d_step { readHistory() };
    if
    :: maySign(id) -> sign(id, ahead, keysets)
    :: else -> goto stop
    fi
  }
  decide(id)
}

/* Removed in keyset 2: it can sign under keyset 1 only, whatever it sees. */
proctype RemovedAdmin(byte id) {
  locals;
  sign(id, 0, 1);
  decide(id)
}

/* Heard nothing in time, and sends the same statement again. */
proctype Again(byte id) {
  locals;
  has(issued, id);
  decide(id)
}

/* Makes keyset 2, then decides again under it. */
proctype KeysAdmin(byte id) {
  locals;
  d_step { keysets = 2 };
  sign(id, 0, 2);
  decide(id)
}

/* functions/approval/repair.ts */
proctype Repairer() {
  byte inForce, head, entries, proposal, etag;
#ifdef BROKEN_REPAIRER_DELETES
  byte slot;
#endif
  d_step {
    readHistory();
    inForce = r_inForce; head = r_head; entries = r_entries;
#ifdef BROKEN_REPAIRER_DELETES
    slot = (r_next > 1 && r_slot != r_next - 1 -> r_next - 1 : 0)
#endif
  }
#ifdef BROKEN_REPAIRER_DELETES
  d_step {
    if
    :: slot != 0 -> history[slot] = 0; slot = 0; check()
    :: else -> skip
    fi
  }
#endif
  if
  :: inForce != 0 -> publishInForce(inForce, etag)
  :: else -> skip
  fi;
  inForce = 0;
  if
  :: isReject(head) -> publishRejection(proposal, etag)
  :: else -> skip
  fi;
  head = 0;
  if
  :: pending[1] != 0 && (has(entries, APPROVE_1) || has(entries, REJECT_1)) ->
    if
    :: has(entries, REJECT_1) -> publishRejection(proposal, etag)
    :: else -> skip
    fi;
    removeProposal(1)
  :: else -> skip
  fi;
  if
  :: pending[2] != 0 && has(entries, APPROVE_2) -> removeProposal(2)
  :: else -> skip
  fi;
  entries = 0
}

/* protocol/verify.ts: verifyForNode, at any number of boots. A boot whose memory is lost before it
   is written is a boot that was not. */
proctype Node(bool remembers) {
  byte memory;
  do
  :: atomic {
      isStatement(approved) && !isReject(approved) && remembers && approved != memory ->
      d_step {
#ifndef WRITER_OF_COPIES
        a_node_is_never_stuck = seq[approved] > seq[memory] && version[approved] >= version[memory];
        assert(a_node_is_never_stuck);
#endif
        if
#ifdef BROKEN_NODE_IGNORES_MEMORY
        :: true ->
#else
        :: seq[approved] > seq[memory] && version[approved] >= version[memory] ->
#endif
          a_node_never_goes_back = seq[approved] > seq[memory] && version[approved] >= version[memory];
          assert(a_node_never_goes_back);
          memory = approved
#ifndef BROKEN_NODE_IGNORES_MEMORY
        :: else -> skip /* rollback_refused */
#endif
        fi
      }
    }
  :: atomic {
      isStatement(approved) && !remembers ->
      d_step { check() } /* what it applies is an entry, unless somebody else writes the copies */
    }
  od
}

/* A creation that was under way lands; or never does. */
proctype Network() {
  byte i;
  do
  :: atomic {
      i = 1;
      do
      :: i < STATEMENTS -> i++
      :: break
      od;
      d_step {
        if
        :: underWay[i] != 0 -> r_slot = underWay[i]; occupy(r_slot, i); check()
        :: else -> skip
        fi;
        i = 0
      }
    }
  od
}

/* The presigned URL of the first proposal is used again, after it was deleted. */
proctype PutAgain() {
  atomic { pending[1] == 0 -> pending[1] = 1 }
}

/* Somebody with the right to create objects in history/: junk, and whatever was ever signed. */
proctype WriterOfHistory() {
  byte slot, content, writes;
  do
  :: writes < WRITES ->
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
      fi;
      d_step {
        if
        :: history[slot] == 0 -> occupy(slot, content); writes++; check()
        :: else -> skip
        fi;
        slot = 0; content = 0
      }
    }
  :: else -> break
  od
}

/* ... and in approved/, rejected/ and pending/, where it may also overwrite and delete. */
proctype WriterOfCopies() {
  byte writes;
  do
  :: writes < COPIES ->
    atomic {
      if
      :: approved = 0
      :: approved = JUNK
      :: has(issued, 1) -> approved = 1
      :: has(issued, 2) -> approved = 2
      :: rejected[1] = JUNK
      :: pending[1] = 0
      :: pending[1] = JUNK
      fi;
      writes++
    }
  :: else -> break
  od
}

init {
  atomic {
    pending[1] = 1;
    pending[2] = 1;
    PROCESSES
  }
}
