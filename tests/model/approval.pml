/* The approval protocol as the code does it, for one node: docs/assurance-model.md. */
#include "scenarios.pml"
#ifndef FAULTS
#define FAULTS 0
#endif
#ifndef THRESHOLD
#define THRESHOLD 1
#endif
#ifndef isAlone
#define isAlone(id) true /* no one else can commit this statement */
#endif
#ifndef WRITER_OF_COPIES
#define FORWARD_ONLY
#endif
#define TRIES 3 /* 6 in the code */
#define NEAR 2 /* 1,000 in the code */
#define LAST_SEQ 12 /* the last that there is */

#include "record.pml"
#include "promises.pml"
#include "writes.pml"
#include "engine.pml"
#include "actors.pml"

init {
  atomic {
    pending[1] = 1;
    pending[2] = 1;
    PROCESSES
  }
}
