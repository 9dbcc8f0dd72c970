/* A running region and the state of a thread, shared by the files of this folder.
 *
 * The files form layers, and each calls only those below it:
 *
 *     parallel.c > waking.c > pool.c > slots.c > cancel.c > region.c
 */
#ifndef GK_REGION_H
#define GK_REGION_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/fp_control.h"
#include "base/signals.h"
#include "runtime/parallel.h"

/* The caller's time to wake a parked thread: 14 to 24 us in a virtual machine. */
enum { GK_WAKE_COST = 20 * GK_MICROSECOND };

/* How long a worker spins by default: about two wake-ups. Spinning for longer
 * would waste more than a sleep costs, whatever comes next (the ski-rental bound). */
enum { GK_DEFAULT_SPIN = 50 * GK_MICROSECOND };

/* A running gk_parallel_for. It lives on its caller's stack, so helpers may touch
 * it only between gk_join() and gk_leave(). */
typedef struct gk_region {
    /* Written before the region is published, then read by all participants. */
    gk_body *body;
    void *data;
    void *(*on_enter)(void *);
    void (*on_exit)(void *, void *);
    /* Claims and runs chunks: parallel.c's loop, which pool.c below it cannot name. */
    void (*work)(struct gk_region *);
    int64_t n, grain, chunks;
    int threads;
    int slot;    /* -1: not published */
    int counted; /* among the callers in `work_mask`, once published */
    int foreign; /* the body is not gilkit's own: a chunk may wait for something outside */
    /* Settings of the caller that helpers adopt. */
    gk_fp_control fp_control;
    const gk_signal_mask *signals; /* NULL: helpers keep theirs, since the body is gilkit's own */
    size_t stack_size;             /* minimum in bytes; 0: any size will do */
    gk_cancel_token *token;
    const gk_token_list *outer_tokens;
    struct gk_region *parent; /* the region whose body made this call */
    int independent; /* the parent's end does not end it: uninterruptible, begun in the parent's poll, or
                        while the parent was orphaned */
    int orphaned;    /* in a forked child that lacks its helpers; regions begun inside are independent */
    /* Used by the calling thread only. */
    int (*poll)(void *);
    void *poll_context;
    struct gk_region *poll_owner; /* whose poll to run: this region's or an outer one's; NULL: none */
    int64_t deadline, started, next_poll, own_chunks;
    int in_poll; /* inside poll(): regions that the calling thread begins there are independent */
    int eager;
    int asleep; /* no worker has been woken for this region yet */
    /* The shared counters, on cache lines of their own: every claim writes `next`,
     * every chunk reads `status`, which is written at most once. */
    _Alignas(GK_CACHE_LINE) _Atomic int64_t next;
    _Alignas(GK_CACHE_LINE) _Atomic int32_t status;
    _Atomic int32_t participants;
} gk_region;

/* The innermost region that a thread works in, and its number among the participants. */
typedef struct {
    gk_region *region;
    int participant;
    int preferred_slot;          /* plus one; 0: not chosen yet */
    int64_t last_end, alone_for; /* of this thread's published regions: see ran_alone() */
    gk_region *helped;           /* another thread's region that this one is inside */
} gk_thread_state;

extern GK_THREAD_LOCAL gk_thread_state gk_self;

/* Delays injected at the steps of the protocol, in stress tests only. */
#ifdef GK_STRESS
void gk_stress(void);
#  define GK_STEP() gk_stress()
#else
#  define GK_STEP() ((void)0)
#endif

#endif
