/*
 * A decision and a repair, call by call: functions/approval/.
 */

/* LIST, then every slot that it shows. Slots never change, so that reading them takes no step. A
   listing shows what was there before it began, and of what came meanwhile any part. */
#ifdef WEAK_LISTING
#define isGapless(set) (((set) >> 1 & ((set) >> 1) + 1) == 0)
inline list() {
  do
  :: d_step { /* the listing begins */
      r_seen = 0;
      r_i = 1;
      do
      :: r_i <= SLOTS -> r_seen = r_seen | (history[r_i] != 0 -> bit(r_i) : 0); r_i++
      :: else -> break
      od;
      begun = r_seen
    }
    atomic { /* and is answered */
      r_seen = begun;
      r_i = 1;
      do
      :: r_i <= SLOTS && history[r_i] != 0 && !has(begun, r_i) ->
        if
        :: r_seen = r_seen | bit(r_i)
        :: skip
        fi;
        r_i++
      :: r_i <= SLOTS && (history[r_i] == 0 || has(begun, r_i)) -> r_i++
      :: else -> break
      od;
      begun = 0;
      if
#ifdef BROKEN_LISTED_ONCE
      :: true -> listed = r_seen; break
#else
      :: isGapless(r_seen) || r_seen == listed -> listed = r_seen; break
      :: else -> listed = r_seen
#endif
      fi
    }
  od
}
#define LIST list();
#define LISTING_LOCALS byte begun, listed;
#define readListed() r_seen = listed; readListing()
#define forgetListing() listed = 0
#else
#define LIST
#define LISTING_LOCALS
#define readListed() readHistory()
#define forgetListing() skip
#endif

/* publish.ts: isForward on approved/, and what verifyShown takes for nothing */
#define isShown(content) (verifies(content) && !isReject(statementOf(content)))
#ifdef BROKEN_APPROVED_NOT_FORWARD
#define keepsApproved(there, ours) (there == ours)
#else
#define keepsApproved(there, ours) \
  (isShown(there) && (seq[statementOf(there)] > seq[statementOf(ours)] || there == ours))
#endif

/* What `published: true` says. */
inline published(ours) {
#ifndef WRITER_OF_COPIES
  the_newest_is_shown = approved != 0 && seq[statementOf(approved)] >= seq[statementOf(ours)];
  assert(the_newest_is_shown);
#endif
  ours = 0
}

/* publish.ts: publishInForce; objects.ts: putForward. Leaves 0 in its two variables. */
inline publishInForce(ours, etag) {
  do
  :: atomic {
      etag = approved;
      if
      :: keepsApproved(etag, ours) -> d_step { etag = 0; published(ours) }; break
      :: else -> skip
      fi
    }
    atomic {
      if
      :: faults > 0 && lateApproved == 0 ->
        faults--;
        lateApproved = ours; lateApprovedOver = etag; etag = 0;
#ifdef BROKEN_UNTOLD_COPY_IS_DONE
        d_step { published(ours) };
        break
#endif
#ifdef BROKEN_APPROVED_UNCONDITIONAL
      :: true ->
#else
      :: approved != etag -> etag = 0
      :: approved == etag ->
#endif
        d_step { etag = 0; writeApproved(ours); published(ours) };
        break
      fi
    }
  od
}

/* publish.ts: publishRejection, once the proposal was read: 2 with it, 1 without. Leaves 0. */
#define withProposal (pending[1] == 1 -> 2 : 1)
#ifdef BROKEN_REJECTED_LOSES_PROPOSAL
#define keepsRejected(there, ours) (there == ours)
#else
#define keepsRejected(there, ours) (there != JUNK && there >= ours)
#endif

inline putRejection(ours, etag) {
  do
  :: atomic {
      etag = rejected[1];
      if
      :: keepsRejected(etag, ours) -> etag = 0; ours = 0; break
      :: else -> skip
      fi
    }
    atomic {
      if
      :: faults > 0 && lateRejected == 0 ->
        faults--;
        lateRejected = ours; lateRejectedOver = etag; etag = 0
      :: rejected[1] != etag -> etag = 0
      :: rejected[1] == etag ->
        d_step { etag = 0; writeRejected(ours); ours = 0 };
        break
      fi
    }
  od
}

/* publish.ts: removeProposal */
inline removeProposal(id) {
  if
  :: true -> d_step { r_digest = digestOf(id); takeAway() }
  :: faults > 0 && lateDelete == 0 -> faults--; lateDelete = digestOf(id)
  fi
}

#ifdef BROKEN_KEYSET_UNCHECKED_BY_SERVER
#define isNewestKeyset(id) true
#else
#define isNewestKeyset(id) (version[id] == keysets)
#endif
#ifdef BROKEN_SHOWN_UNCHECKED
#define isAbove(shown, id) false
#else
#define isAbove(shown, id) \
  (!isReject(id) && isShown(shown) && seq[statementOf(shown)] >= seq[id])
#endif
#ifdef BROKEN_OWN_SEQ_UNBOUNDED
#define isNearSeq(id) true
#else
#define isNearSeq(id) (!isOwn(id) || seq[id] <= seq[r_head] + NEAR)
#endif
#ifdef BROKEN_DECIDED_UNCHECKED
#define isUndecided(id) true
#else
#define isUndecided(id) (!has(r_decided, digestOf(id)))
#endif
#ifdef BROKEN_RECONFIGURE_UNCHECKED
#define namesInForce(id) true
#else
#define namesInForce(id) (digestOf(id) == digestInForce)
#endif
#ifdef BROKEN_SLOT_IS_SEQ
#define slotFor(id) seq[id]
#else
#define slotFor(id) r_next
#endif

/* bundle-of.ts */
#define isFit(id) \
  (id == REVOKE -> true : \
  (id == RECONFIGURE -> namesInForce(id) : \
  (id == RENEW_1 -> has(r_bundles, 1) : \
  (isReject(id) -> isUndecided(id) : isUndecided(id) && proposal == 1))))

/* verifyFrame, of what is about to be written */
#if defined(BROKEN_THRESHOLD_UNCHECKED_BY_SERVER)
#define isSigned(id) true
#elif defined(BROKEN_SIGNATURES_OF_ANOTHER)
#define isSigned(id) (signatures[APPROVE_1] + signatures[REJECT_1] >= THRESHOLD)
#else
#define isSigned(id) (signatures[id] >= THRESHOLD)
#endif
#define contentOf(id) (signatures[id] >= THRESHOLD -> id : (id | HALF))

#define FOUND 1
#define HEAD_MOVED 2
#define REFUSED 3
#define PASSED 4

/* examine.ts, and decide.ts: attempt, after the listing */
inline judge(id) {
  if
  :: has(r_entries, id) -> verdict = FOUND
  :: !has(r_entries, id) && prev[id] != r_head -> verdict = HEAD_MOVED
  :: else ->
    verdict = (follows(id, r_head) && isNearSeq(id) && !shownAbove && isFit(id) && isSigned(id) ->
      PASSED : REFUSED)
  fi;
  shownAbove = false; proposal = 0;
  slot = (verdict == PASSED -> slotFor(id) : 0);
  inForce = r_inForce
}

#define LOCALS \
  LISTING_LOCALS \
  byte proposal, slot, inForce, etag, verdict, tries; \
  bool shownAbove, unknown, lateKeyset;

/* decide.ts: one request. Several may bring the same statement. */
inline decide(id) {
  skip;
attempt:
  atomic { shownAbove = isAbove(approved, id); lateKeyset = keysets > version[id] }
  if
  :: takesProposal(id) -> proposal = pending[digestOf(id)]
  :: else -> skip
  fi;
  LIST
  atomic {
    if
    :: true -> d_step { readListed(); forgetListing(); judge(id) }
    :: faults > 0 -> faults--; verdict = REFUSED /* a reading failed */
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
        judge(id)
      }
#endif
    fi;
    if
    :: verdict == FOUND ->
      verdict = 0;
      d_step { acknowledged = acknowledged | bit(id); check() };
      goto committed
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
        readHistory();
        a_reconfigure_carries_what_is_in_force = id != RECONFIGURE || carried == digestInForce;
        assert(a_reconfigure_carries_what_is_in_force);
        r_content = contentOf(id);
        occupy(slot, r_content);
        acknowledged = acknowledged | bit(id);
        slot = 0;
        a_removed_admin_decides_nothing_new = !lateKeyset;
        assert(a_removed_admin_decides_nothing_new);
#ifndef WRITER_OF_COPIES
        what_is_decided_can_be_shown =
          isReject(id) || approved == 0 || seq[id] > seq[statementOf(approved)];
        assert(what_is_decided_can_be_shown);
#endif
        check()
      };
      goto committed
    /* What is in the way may be ourselves: something between may send a creation twice. */
    :: slot <= SLOTS && history[slot] != 0 -> unknown = true
    :: slot <= SLOTS && faults > 0 ->
      faults--;
      unknown = true;
      underWay[id] = (history[slot] == 0 -> slot : underWay[id]);
#ifdef BROKEN_UNKNOWN_IS_DONE
      d_step { slot = 0; acknowledged = acknowledged | bit(id); check() };
      goto committed
#endif
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
    inForce = (!isReject(id) && seq[id] > seq[statementOf(inForce)] -> id : inForce);
#ifndef BROKEN_FORGOTTEN_PUBLISHED
    inForce = (isNaked(inForce) -> 0 : inForce);
#endif
#ifdef BROKEN_PROPOSAL_DELETED_FIRST
    if
    :: digestOf(id) != 0 -> removeProposal(id)
    :: else -> skip
    fi;
#endif
    if
    :: inForce != 0 -> skip
    :: else -> goto rejection
    fi
  }
  publishInForce(inForce, etag);
rejection:
  atomic {
    if
    :: isReject(id) -> proposal = withProposal
    :: else -> goto proposals
    fi
  }
  putRejection(proposal, etag);
proposals:
  atomic {
    if
    :: digestOf(id) != 0 -> removeProposal(id)
    :: else -> skip
    fi;
stop:
    shownAbove = false; proposal = 0; slot = 0; inForce = 0; etag = 0; verdict = 0; tries = 0;
    unknown = false; lateKeyset = false
  }
}

/* repair.ts: repair. A listing of pending/ (settleDecided) does the second half of it. */
inline repair() {
  LIST
  atomic {
    d_step {
      after <= listings ->
      listings++; after = 0;
      readListed();
      forgetListing();
#ifdef BROKEN_FORGOTTEN_PUBLISHED
      inForce = r_inForce;
#else
      inForce = (isNaked(r_inForce) -> 0 : r_inForce);
#endif
      rejects = isReject(r_head);
      settles = (has(r_entries, REJECT_1) -> 2 : has(r_decided, 1));
      settles2 = has(r_decided, 2)
    };
#ifdef BROKEN_REPAIRER_DELETES
    d_step {
      readHistory();
      if
      :: r_next > 1 && r_slot != r_next - 1 -> history[r_next - 1] = 0; check()
      :: else -> skip
      fi
    };
#endif
    if
    :: inForce != 0 -> skip
    :: else -> goto rejection
    fi
  }
  publishInForce(inForce, etag);
rejection:
  atomic {
    if
    :: rejects -> rejects = false; proposal = withProposal
    :: else -> goto first
    fi
  }
  putRejection(proposal, etag);
first:
  atomic {
    if
    :: pending[1] != 0 && settles == 2 -> settles = 1
    :: pending[1] != 0 && settles == 1 -> goto settle
    :: else -> settles = 0; goto second
    fi
  }
  proposal = withProposal;
  putRejection(proposal, etag);
settle:
  atomic { settles = 0; removeProposal(APPROVE_1) }
second:
  atomic {
    if
    :: pending[2] != 0 && settles2 -> settles2 = false; removeProposal(APPROVE_2)
    :: else -> settles2 = false
    fi
  }
}
