/*
 * Who runs: one scenario is chosen by -DSCENARIO_..., a broken variant by -DBROKEN_....
 */

/* Everybody, and every trouble: too much for a complete search. SLOTS suffice for all decisions, and
   for whatever is put between them. */
#if defined(SCENARIO_EVERYTHING)
#define SLOTS 6
#define FAULTS 2
#define KEYSETS
#define CAREFUL
#define isAlone(id) false
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(REMOVED_ADMIN, APPROVE_2, 2); \
  run Request(ADMIN, REJECT_1, 0); run Keysets(); run Repairer(0); run Repairer(1); run Node(); \
  run Network(); run PutAgain(); run WriterOfHistory(2)

#elif defined(SCENARIO_TOGETHER)
#define SLOTS 3
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, APPROVE_2, 2); \
  run Request(ADMIN, REJECT_1, 0); run Repairer(0); run Repairer(1); run Node(); run PutAgain()

#elif defined(SCENARIO_FAULTS)
#define SLOTS 3
#define FAULTS 2
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, APPROVE_2, 2); \
  run Request(ADMIN, REJECT_1, 0); run Network(); run Node()

#elif defined(SCENARIO_FAULTY_REPAIR)
#define SLOTS 2
#define FAULTS 2
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, REJECT_1, 2); run Repairer(0); \
  run Network(); run Node(); run PutAgain()

#elif defined(SCENARIO_AGAIN)
#define SLOTS 3
#define FAULTS 1
#define isAlone(id) (id != APPROVE_1)
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(AGAIN, APPROVE_1, 0); \
  run Request(ADMIN, REJECT_1, 0); run Network(); run Repairer(0); run Node()

#elif defined(SCENARIO_HISTORY_WRITER)
#define CAREFUL
#define SLOTS 5
#define isAlone(id) false
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, APPROVE_2, 2); \
  run Request(ADMIN, REJECT_1, 0); run WriterOfHistory(2)

#elif defined(SCENARIO_REPAIRED_JUNK)
#define SLOTS 4
#define CAREFUL
#define isAlone(id) false
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, REJECT_1, 2); run Repairer(0); \
  run Repairer(1); run WriterOfHistory(1); run PutAgain(); run Node()

#elif defined(SCENARIO_COPIES_WRITER)
#define WRITER_OF_COPIES
#define SLOTS 2
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, APPROVE_2, 2); run WriterOfCopies(2); \
  run Repairer(0); run Node()

#elif defined(SCENARIO_KEYSETS)
#define KEYSETS
#define SLOTS 3
#define isAlone(id) false
#define PROCESSES \
  run Request(REMOVED_ADMIN, APPROVE_2, 0); run Request(ADMIN, APPROVE_1, 0); run Keysets(); \
  run WriterOfHistory(1); run Repairer(0); run Node()

#elif defined(SCENARIO_OLD_REFUSAL)
#define KEYSETS
#define SLOTS 2
#define PROCESSES \
  run Request(ADMIN, REJECT_1, 0); run Request(ADMIN, REVOKE, 0); run Keysets(); \
  run Repairer(0); run Node()

#elif defined(SCENARIO_WITHDRAWN)
#define WITHDRAWN
#define SLOTS 3
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, APPROVE_2, 2); \
  run Request(ADMIN, REJECT_1, 0); run Withdrawer(); run Repairer(0); run Node()

#elif defined(SCENARIO_LISTINGS)
#define WEAK_LISTING
#define SLOTS 3
#define isAlone(id) (id != APPROVE_1)
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(AGAIN, APPROVE_1, 0); \
  run Request(ADMIN, REVOKE, 0); run Request(ADMIN, REJECT_1, 0)

#elif defined(SCENARIO_BUNDLES)
#define NAKED_WRITER
#define CAREFUL
#define SLOTS 4
#define isAlone(id) false
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, RENEW_1, 0); \
  run Request(CARELESS, RECONFIGURE, 0); run WriterOfHistory(1); run Node()

#elif defined(SCENARIO_OWN)
#define SLOTS 4
#define PROCESSES \
  run Request(OWN_NODE, OWN_1, 0); run Request(NODE_THIEF, OWN_2, 0); \
  run Request(ADMIN, REVOKE, 0); run Request(ADMIN, RECONFIGURE, 0); run Node()

#elif defined(SCENARIO_THRESHOLD)
#define THRESHOLD 2
#define KEYSETS
#define CAREFUL
#define SLOTS 3
#define isAlone(id) false
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(COSIGNER, APPROVE_1, 0); \
  run Request(ADMIN, REJECT_1, 0); run Keysets(); run WriterOfHistory(1)

#elif defined(SCENARIO_COSIGNED)
#define THRESHOLD 2
#define KEYSETS
#define CAREFUL
#define SLOTS 3
#define isAlone(id) false
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(COSIGNER, APPROVE_1, 0); \
  run Request(ADMIN, REJECT_1, 0); run Request(COSIGNER, REJECT_1, 0); run Keysets(); run Node()

#elif defined(SCENARIO_RESTORED)
#define RESTORED
#define STOPPED
#define SLOTS 3
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, APPROVE_2, 0); \
  run Request(REMEMBERS, REVOKE, 0); run Operator(); run Node()

#elif defined(SCENARIO_PRUNED)
#define PRUNED
#define STOPPED
#define SLOTS 4
#define PROCESSES \
  run Request(ADMIN, APPROVE_1, 0); run Request(ADMIN, APPROVE_2, 0); \
  run Request(ADMIN, REJECT_1, 0); run Pruner(2); run Node()
#endif
