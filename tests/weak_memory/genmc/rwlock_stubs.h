/* For the programs with reader-writer locks. They call what is below the list of the locks that a
 * thread reads, since GenMC has no thread-local structures. */
#ifndef RWLOCK_STUBS_H
#define RWLOCK_STUBS_H

#include "stubs.h"

#undef GK_THREAD_LOCAL
#define GK_THREAD_LOCAL

#include "queue_stubs.h"
#include "sync/rwlock.c"

uintptr_t gk_thread_ident(void)
{
    return 1;
}

static gk_rwlock lock;
static int plain;

static void *read_it(void *argument)
{
    acquire(&lock, TO_READ, NULL);
    assert(plain >= 0);
    stop_reading(&lock);
    return ended();
}

static void *write_it(void *argument)
{
    acquire(&lock, TO_WRITE, NULL);
    plain++;
    stop_writing(&lock);
    return ended();
}

#endif
