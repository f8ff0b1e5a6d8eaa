/*
 * What the store holds about one node, and how it is read: protocol/history.ts.
 */

/* Statements are fixed but for what their signer saw. 0 is "nothing". */
#define APPROVE_1 1   /* approve the first proposal */
#define APPROVE_2 2   /* approve the second */
#define REJECT_1 3    /* reject the first */
#define REVOKE 4      /* no proposal */
#define RENEW_1 5     /* approve the first bundle again, from the slot that holds it */
#define RECONFIGURE 6 /* names the bundle in force */
#define OWN_1 7       /* the node approves the first proposal itself (approval: none) */
#define OWN_2 8       /* ... the second */
#define STATEMENTS 8

/* Content of an object: a statement, perhaps flawed, or something that is none. */
#define JUNK 15
#define NAKED 16 /* without the bundle that its statement names: forgotten, where it is an entry */
#define HALF 32  /* signed by fewer than the threshold */
#define statementOf(content) ((content) & 15)
#define isNaked(content) (((content) & NAKED) != 0)
#ifdef BROKEN_THRESHOLD_UNCHECKED_BY_READERS
#define verifies(content) (statementOf(content) != 0 && statementOf(content) != JUNK)
#else
#define verifies(content) \
  (statementOf(content) != 0 && statementOf(content) != JUNK && ((content) & HALF) == 0)
#endif

#define isReject(x) (x == REJECT_1)
#define isOwn(x) (x == OWN_1 || x == OWN_2)
#define takesProposal(x) (x == APPROVE_1 || x == APPROVE_2 || isOwn(x))
#define digestOf(x) \
  (x == 0 || x == REVOKE -> 0 : (x == RECONFIGURE -> carried : (x == APPROVE_2 || x == OWN_2 -> 2 : 1)))
#define bit(x) (1 << (x))
#define has(set, x) (((set) & bit(x)) != 0)
#define MAX(a, b) ((a) > (b) -> (a) : (b))

byte prev[STATEMENTS + 1];
byte seq[STATEMENTS + 1];
byte version[STATEMENTS + 1]; /* of the keyset that it was signed under */
byte signatures[STATEMENTS + 1];
byte carried;                 /* the digest that RECONFIGURE names */
short issued;                 /* set: everybody who reads the network or the bucket may have them */

/* The store. Content is its own ETag: an equal ETag is equal content. */
byte history[SLOTS + 1]; /* 0 is free */
byte approved;           /* 0 is absent */
byte pending[3];         /* 0, 1 the proposal, JUNK */
byte rejected[2];        /* [1]: 0, 1 the rejection, 2 with the proposal, JUNK */
byte keysets = 1;        /* the newest version */

/* Scratch of one step. */
hidden byte r_head, r_slot, r_next, r_inForce, r_lowest, r_i, r_x, r_content, r_digest;
hidden short r_entries, r_decided, r_twice, r_bundles, r_seen;
hidden byte r_free, r_ordered, r_handedBack, r_signed;

#define digestInForce (isNaked(r_inForce) -> 0 : digestOf(statementOf(r_inForce)))

/* demandFollows */
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
#ifdef BROKEN_OWN_FOLLOWS_ANYTHING
#define followsPolicy(x, head) true
#else
#define followsPolicy(x, head) (!isOwn(x) || head == 0 || isOwn(head) || head == RECONFIGURE)
#endif
#define follows(x, head) \
  (followsPrev(x, head) && seq[x] > seq[head] && followsKeyset(x, head) && followsPolicy(x, head))

/* readHistory: no slot between an entry and the one below it is free. The lowest entry is taken
   without its prev; if that is zeros, no slot below it is free. */
#if defined(BROKEN_ENTRY_ABOVE_FREE_SLOT) || defined(BROKEN_SLOT_IS_SEQ)
#define inPlace(x) true
#else
#define inPlace(x) (!r_free || (r_head == 0 && prev[x] != 0))
#endif

#define ALL_SLOTS (bit(SLOTS + 1) - 1)

/* Reads the slots of the set r_seen. */
inline readListing() {
  r_head = 0; r_slot = 0; r_inForce = 0; r_entries = 0; r_decided = 0; r_twice = 0; r_bundles = 0;
  r_free = false; r_ordered = true; r_handedBack = true; r_signed = true;
  r_i = 1;
  do
  :: r_i <= SLOTS ->
    r_content = (has(r_seen, r_i) -> history[r_i] : 0);
    r_x = statementOf(r_content);
    if
    :: r_content == 0 -> r_free = true
    :: verifies(r_content) && (r_head == 0 || follows(r_x, r_head)) && inPlace(r_x) ->
      /* What is said of it in promises.pml. */
      r_ordered = r_ordered && version[r_x] >= version[r_head];
      r_signed = r_signed && (r_content & HALF) == 0;
      r_handedBack = r_handedBack &&
        (!isOwn(r_x) || r_head == 0 || isOwn(r_head) || r_head == RECONFIGURE);
      r_twice = r_twice |
        (takesProposal(r_x) || isReject(r_x) -> r_decided & bit(digestOf(r_x)) : 0);

      r_lowest = (r_head == 0 -> r_i : r_lowest);
      r_head = r_x; r_slot = r_i; r_free = false;
      r_entries = r_entries | bit(r_x);
      r_decided = r_decided | (digestOf(r_x) != 0 -> bit(digestOf(r_x)) : 0);
      if
      :: !isReject(r_x) ->
        r_inForce = r_content;
        r_bundles = r_bundles |
          (digestOf(r_x) != 0 && !isNaked(r_content) -> bit(digestOf(r_x)) : 0)
      :: else -> skip
      fi
    :: else -> skip /* junk */
    fi;
    r_i++
  :: else -> break
  od;
  r_next = r_slot + 1;
  do
  :: r_next <= SLOTS && has(r_seen, r_next) && history[r_next] != 0 -> r_next++
  :: else -> break
  od
}

inline readHistory() {
  r_seen = ALL_SLOTS;
  readListing()
}
