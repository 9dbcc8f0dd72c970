/* For the programs with regions. */
#ifndef SLOTS_STUBS_H
#define SLOTS_STUBS_H

#include "stubs.h"

/* GenMC has no thread-local structures. Only the calling thread uses this one here. */
#undef GK_THREAD_LOCAL
#define GK_THREAD_LOCAL

#include "runtime/region.c"
#include "runtime/cancel.c"
#include "runtime/slots.c"

#endif
