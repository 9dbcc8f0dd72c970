/* A running region, and what the files of this folder do with it. */
#ifndef GK_REGION_H
#define GK_REGION_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/fp_control.h"
#include "base/signals.h"
#include "runtime/parallel.h"

/* A running gk_parallel_for. Lives on its caller's stack: helpers may touch it
 * only between gk_join() and gk_leave(). */
typedef struct gk_region {
    /* Read by all, written before the region is published. */
    gk_body *body;
    void *data;
    void *(*on_enter)(void *);
    void (*on_exit)(void *, void *);
    int64_t n, grain, chunks;
    int threads;
    int slot; /* -1: not published */
    int counted; /* among the callers in `work_mask`, once published */
    /* What helpers take over from the caller. */
    gk_fp_control fp_control;
    const gk_signal_mask *signals; /* NULL: not, the body is gilkit's own */
    size_t stack_size;             /* the least; 0: any will do */
    gk_cancel_token *token;
    const gk_token_list *outer_tokens;
    struct gk_region *parent; /* the region whose body made this call */
    int independent; /* of the parent's end: begun in its poll, or while it was orphaned */
    int orphaned;        /* in a child that lacks its helpers: regions begun inside it are on their own */
    /* Used by the calling thread alone. */
    int (*poll)(void *);
    void *poll_context;
    struct gk_region *poll_owner; /* this region or the one around it whose poll is due; NULL: none */
    int64_t deadline, started, next_poll, own_chunks;
    int in_poll; /* in poll(): regions that the calling thread begins there are on their own */
    int eager;
    int asleep; /* no sleeper was woken for this region yet */
    /* The shared counters, each on its own line: every claim writes `next`,
     * and every chunk reads `status`, which is written once at most. */
    _Alignas(GK_CACHE_LINE) _Atomic int64_t next;
    _Alignas(GK_CACHE_LINE) _Atomic int32_t status;
    _Atomic int32_t participants;
} gk_region;

/* What a thread is doing: the innermost region it works in, and its place. */
typedef struct {
    gk_region *region;
    int participant;
    int preferred_slot;         /* plus one; 0: not chosen yet */
    int64_t last_end, alone_for; /* this thread's published regions: see ran_alone() */
    gk_region *helped;           /* another thread's region that this one is inside */
} gk_thread_state;

extern GK_THREAD_LOCAL gk_thread_state gk_self;

/* ---- parallel.c ---- */

/* Claims and runs chunks until none is left or the region is cancelled. */
void gk_region_work(gk_region *region);

/* ---- waking.c ---- */

/* Before the first chunk: wakes a worker if the region is expected to be long. */
void gk_wake_before(gk_region *region);

/* After a claim, until a worker was woken: wakes one once what is left is worth it. */
void gk_wake_meanwhile(gk_region *region, int64_t now);

/* After the last chunk: notes for later regions how long this one took. */
void gk_wake_record_cost(const gk_region *region, int64_t now);

/* ---- cancel.c ---- */

/* Ends the region; the first reason stays. */
void gk_region_cancel(gk_region *region, int code);

/* Whether the region is to end for what stands outside it: its tokens, or a region around it. */
int gk_region_ended_outside(gk_region *region);

/* Whether the region is to end. Whatever ends it is noted in its status, so
 * that all participants see one reason. */
GK_INLINE int gk_region_ended(gk_region *region)
{
    if (atomic_load_explicit(&region->status, memory_order_relaxed) != GK_OK)
        return 1;
    return (region->token != NULL || region->parent != NULL) && gk_region_ended_outside(region);
}

/* The calling thread's duties between its claims: sleepers, deadline, signals. */
void gk_region_attend(gk_region *region, int64_t now);

/* In a forked child: ends those of this thread's regions that it shared. */
void gk_regions_after_fork_in_child(void);

/* Delays injected at the steps of the protocol, by stress tests only. */
#ifdef GK_STRESS
void gk_stress(void);
#  define GK_STEP() gk_stress()
#else
#  define GK_STEP() ((void)0)
#endif

#endif
