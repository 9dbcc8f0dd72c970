/* What regions (parallel.c) and workers (pool.c) know of each other. */
#ifndef GK_POOL_H
#define GK_POOL_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"
#include "runtime/parallel.h"

/* A running gk_parallel_for. Lives on its caller's stack: helpers may touch it
 * only between gk_join() and gk_leave(). */
typedef struct gk_region {
    /* Read by all, written before the region is published. */
    gk_body *body;
    void *data;
    void *(*enter)(void *);
    void (*leave)(void *, void *);
    int64_t n, grain, chunks;
    int threads;
    int slot; /* -1: not published */
    int counted; /* among the callers in `offers`, once published */
    gk_cancel_token *token;
    struct gk_region *parent; /* the region whose body made this call */
    int independent; /* of the parent's end: begun while that was detached */
    /* Used by the calling thread alone. */
    int (*poll)(void *);
    void *poll_context;
    struct gk_region *poll_owner; /* this region or the one around it whose poll is due; NULL: none */
    int64_t deadline, started, next_poll, own_chunks;
    int detached; /* in poll(), or in a child that lacks its helpers: regions begun inside it are on their own */
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
    int64_t last_end, alone_for; /* this thread's published regions: see lonely() */
    int forks_unlocked;         /* between before_fork and after_fork */
} gk_thread_state;

extern GK_THREAD_LOCAL gk_thread_state gk_self;

enum { GK_SLOTS = 48 };

/* About the cost of one wake-up: spinning for longer would waste more than a
 * sleep costs, whatever comes next (the ski-rental bound). Nanoseconds. */
enum { GK_DEFAULT_SPIN = 50 * 1000 };

/* Claims and runs chunks until none is left or the region is cancelled. */
void gk_region_work(gk_region *region);

/* Worker's side of a slot. gk_join() returns NULL if the region does not want
 * another helper; after success the region stays alive until gk_leave(). */
gk_region *gk_join(int slot);
void gk_leave(int slot);

/* Bit i: the region in slot i wants helpers. */
uint64_t gk_offers(void);

/* Whether this region or one around it is published: its thread is a caller that
 * is counted, or a helper of one. */
int gk_inside_published(const gk_region *region);

/* Caller's threads in regions: they compute, so that many cores are taken. */
int gk_callers(void);

/* Whether any worker is between gk_join() and gk_leave(). */
int gk_helpers_inside(void);

/* For a region of `threads` threads: wakes `count` sleeping workers, or starts
 * one if fewer exist than the region may use. Returns 0 if it did not because
 * as many threads compute already as there are cores, or as it asks for. */
int gk_pool_wake(int count, int threads);

/* Forgets all published regions: in a forked child. */
void gk_slots_reset(void);

/* Delays injected at the steps of the protocol, by stress tests only. */
#ifdef GK_STRESS
void gk_stress(void);
#  define GK_STEP() gk_stress()
#else
#  define GK_STEP() ((void)0)
#endif

#endif
