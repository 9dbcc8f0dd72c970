/* Workers: find a region, join it, spin, park. README.md describes the protocol. */
#include "runtime/pool.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cores.h"
#include "base/fp_control.h"
#include "base/park.h"
#include "base/signals.h"
#include "base/thread.h"
#include "runtime/cancel.h"
#include "runtime/limits.h"
#include "runtime/region.h"
#include "runtime/slots.h"

#if !defined(_WIN32)
#  include <pthread.h>
#endif

/* The pool's record of a worker. */
typedef struct {
    gk_thread *thread;
    size_t stack_size;
    /* For a thread that replaces another: its predecessor, which ends, and the region
     * and slot that the predecessor has joined for it. */
    gk_thread *predecessor;
    gk_region *region;
    int slot;
    int lazily; /* started to help only a region whose caller is stuck */
} worker;

static struct {
    /* Parked workers wait for this to change; every wake-up changes it. */
    _Alignas(GK_CACHE_LINE) _Atomic uint32_t epoch;
    _Atomic int32_t sleepers;
    _Alignas(GK_CACHE_LINE) _Atomic int32_t workers; /* that exist */
    _Atomic int32_t closed;  /* no worker may begin to help */
    _Atomic int32_t stop;    /* workers end; set only while closed */
    _Atomic uint32_t forks;  /* fork depth of this process */
    /* The watch over foreign regions; README.md describes it. */
    _Atomic int32_t looking; /* workers that look for offers now, or soon without being woken */
    _Atomic int32_t lazily;  /* a sleeper was woken to help only a region whose caller is stuck */
    _Atomic int32_t watched; /* a foreign region has relied on the watch */
    _Atomic int64_t spin;
    _Atomic int32_t long_slices;     /* workers use long slices */
    _Atomic int32_t threads_set;     /* by gk_set_num_threads; 0: default */
    _Atomic int32_t cores;           /* 0: not looked up yet */
    _Atomic int64_t look_again_at;   /* when `cores` is out of date */
    _Atomic int64_t retry_start_at;  /* after a failed start */
    /* Below: protected by the lock. */
    _Atomic uint32_t locked;
    worker members[GK_MAX_THREADS];
} pool = {.spin = GK_DEFAULT_SPIN};

/* A lock that may be taken in pthread_atfork handlers and in a child. It is held while
 * threads are started or all are stopped, never while a body runs. */
static void lock(void)
{
    while (atomic_exchange_explicit(&pool.locked, 1, memory_order_acquire) != 0)
        gk_thread_yield();
}

static int try_lock(void)
{
    return atomic_exchange_explicit(&pool.locked, 1, memory_order_acquire) == 0;
}

static void unlock(void)
{
    atomic_store_explicit(&pool.locked, 0, memory_order_release);
}

/* ---- Workers ---- */

/* How many workers a woken worker wakes. A woken thread takes as long to run as three
 * wake-up calls take. */
enum { WAKES_EACH = 3 };

static int wake(int count, const gk_region *r, int blocking);
static void ensure_watch(int helpers);

/* Joins a region that wants helpers. Each worker starts its search at a different slot,
 * which spreads the helpers evenly over several callers. `except`: a slot to pass over, or -1. */
static gk_region *find_region(unsigned start, int except, int *slot)
{
    uint64_t offered = gk_offers();
    if (offered == 0 || atomic_load(&pool.closed) != 0)
        return NULL;
    for (unsigned i = 0; i < GK_SLOTS; i++) {
        unsigned index = (start + i) % GK_SLOTS;
        if ((offered >> index & 1) != 0 && (int)index != except) {
            gk_region *r = gk_join((int)index);
            if (r == NULL)
                continue;
            if (atomic_load(&pool.closed) != 0) { /* [close-join] */
                gk_give_back((int)index);
                return NULL;
            }
            *slot = (int)index;
            return r;
        }
    }
    return NULL;
}

static void help(gk_region *r, int slot, int woken)
{
    gk_fp_control own = gk_fp_control_get();
    if (r->signals != NULL)
        gk_signal_mask_set(r->signals);
    gk_fp_control_set(r->fp_control);
    gk_self.region = gk_self.helped = r;
    gk_self.participant = 1 + atomic_fetch_add_explicit(&r->participants, 1, memory_order_relaxed);
    /* The caller paid for one wake-up. Woken workers wake others, so all are awake
     * after a few steps. */
    int missing = r->threads - 1 - gk_self.participant;
    if (woken && missing > 0 && (gk_offers() >> slot & 1) != 0)
        wake(missing < WAKES_EACH ? missing : WAKES_EACH, r, 1);
    r->work(r);
    /* The floating-point exception flags that the body raised stay in this thread. They
     * could be collected for the caller here. */
    gk_fp_control_set(own);
    gk_self.region = NULL;
    gk_self.participant = 0;
    if (gk_self.helped != NULL) /* else the body forked, and the child's slot does not count this thread */
        gk_leave(slot);
    gk_self.helped = NULL;
}

/* Affinity and quota may change while the program runs. Reading them costs about ten
 * microseconds, so one thread does it, at most once a second. */
static int usable_cores(void)
{
    int64_t now = gk_now_coarse(), due = atomic_load_explicit(&pool.look_again_at, memory_order_relaxed);
    int cores = atomic_load_explicit(&pool.cores, memory_order_relaxed);
    if (GK_LIKELY(now < due && cores > 0))
        return cores;
    if (cores == 0 || atomic_compare_exchange_strong(&pool.look_again_at, &due, now + GK_SECOND)) {
        cores = gk_cores_usable();
        atomic_store(&pool.cores, cores);
        atomic_store(&pool.look_again_at, now + GK_SECOND);
    }
    return cores;
}

/* The number of threads that compute or look for work. */
static int busy_threads(void)
{
    return gk_callers() + atomic_load_explicit(&pool.workers, memory_order_relaxed) -
           atomic_load(&pool.sleepers); /* seq_cst: [offer-park] */
}

/* Workers spin only while there are cores with nothing else to do. */
static int may_spin(void)
{
    return busy_threads() <= usable_cores();
}

/* Spins for an offer of work. Returns 1 if there is one. */
static int spin_for_offer(void)
{
    int64_t spin = atomic_load_explicit(&pool.spin, memory_order_relaxed);
    if (spin <= 0)
        return 0;
    int64_t until = gk_now() + spin;
    do {
        for (int i = 0; i < 32; i++) {
            if (gk_offers() != 0)
                return 1;
            gk_cpu_relax();
        }
        if (atomic_load_explicit(&pool.stop, memory_order_relaxed) || !may_spin())
            return 0;
    } while (gk_now() < until);
    return 0;
}

/* How often a worker on watch looks for a stuck region, and after how many looks without
 * one it goes to sleep. Then the next foreign region has to wake a worker. */
static const int64_t WATCH_EVERY = 2 * GK_MILLISECOND;
enum { WATCH_IN_VAIN = 10 };

/* Returns the slot of a stuck region; -1 if this worker was woken or none was seen for long. */
static int keep_watch(uint32_t epoch)
{
    uint32_t progress[GK_SLOTS] = {0};
    gk_stuck_offer(progress);
    for (int vain = 0; vain < WATCH_IN_VAIN; vain++) {
        GK_STEP();
        gk_wait(&pool.epoch, epoch, gk_now() + WATCH_EVERY);
        if (atomic_load(&pool.epoch) != epoch)
            break;
        int stuck = gk_stuck_offer(progress);
        if (stuck >= 0)
            return stuck;
        if (atomic_exchange(&pool.watched, 0) || gk_foreign_offer() > 0)
            vain = 0;
    }
    return -1;
}

/* Sleeps until woken; returns -1, or the slot of a stuck region. Before that, the last
 * worker that looks keeps watch, and so does one that was woken `lazily`. Clears
 * *looking if this worker no longer counts as looking. */
static int park(int lazily, int *looking)
{
    int stuck = -1;
    uint32_t epoch = atomic_load(&pool.epoch);
    atomic_fetch_add(&pool.sleepers, 1);
    GK_STEP();
    /* Checked again after this worker counts as a sleeper: either it sees the offer, or
     * the caller sees the sleeper [offer-park]. The same holds for stop [stop-park]. */
    if ((lazily || gk_offers() == 0) && atomic_load(&pool.stop) == 0) {
        if (lazily || (atomic_load(&pool.looking) == 1 && atomic_exchange(&pool.watched, 0)))
            stuck = keep_watch(epoch);
        if (stuck < 0 && atomic_load(&pool.epoch) == epoch) {
            atomic_fetch_sub(&pool.looking, 1);
            *looking = 0;
            GK_STEP();
            if (gk_foreign_offer() == 0) /* [look-away] */
                gk_wait(&pool.epoch, epoch, GK_FOREVER);
        }
    }
    atomic_fetch_sub(&pool.sleepers, 1);
    return stuck;
}

/* Before this worker enters a region, or ends. If no other looks, one is woken for the
 * foreign regions that rely on it: either this thread sees the region's offer, or its
 * caller sees that no worker looks [look-away]. */
static void look_away(void)
{
    if (atomic_fetch_sub(&pool.looking, 1) == 1) {
        GK_STEP();
        int helpers = gk_foreign_offer();
        if (helpers > 0)
            ensure_watch(helpers);
    }
}

static void worker_main(void *argument);

/* Starts a thread with a larger stack, which takes over this worker's place in the pool
 * and in the region that it has joined; the worker then ends. Returns 0 if no such
 * thread could be started. It tries even soon after a failed start, since the region may
 * get no other helper.
 *
 * A helper may wait for the lock, since the lock holder never waits for a helper. */
static int replace(worker *w, gk_region *r, int slot)
{
    lock();
    worker before = *w;
    *w = (worker){.thread = before.thread, .stack_size = r->stack_size, .predecessor = before.thread, .region = r, .slot = slot};
    gk_thread *thread = gk_thread_start_with_stack(worker_main, w, "gilkit", r->stack_size);
    if (thread != NULL) {
        w->thread = thread;
    } else {
        *w = before;
        atomic_store(&pool.retry_start_at, gk_now() + GK_SECOND);
    }
    unlock();
    return thread != NULL;
}

static void worker_main(void *argument)
{
    worker *w = argument;
    unsigned start = 7 * (unsigned)(w - pool.members);
    size_t stack_size = w->stack_size;
    uint32_t forks = atomic_load(&pool.forks);
    int woken = 1;   /* a new worker wakes others, too */
    int lazily = w->lazily;
    int foreign = 0; /* this thread has the signal mask of a caller */
    int long_slices = 0;
    int looking = w->region == NULL; /* counted in pool.looking */
    gk_region *r = w->region; /* joined by a predecessor, or NULL */
    int slot = w->slot, stuck = -1, unfit = -1; /* slots */
    if (w->predecessor != NULL)
        gk_thread_join(w->predecessor);
    /* A body may fork on this thread; in the child, the thread ends after that body. */
    while (atomic_load(&pool.stop) == 0 && atomic_load(&pool.forks) == forks) {
        if (r == NULL) {
            if (!looking)
                atomic_fetch_add(&pool.looking, 1);
            looking = 1;
            if (!lazily)
                r = find_region(stuck >= 0 ? (unsigned)stuck : start, unfit, &slot);
        }
        if (r != NULL && r->stack_size > stack_size) {
            if (replace(w, r, slot)) {
                if (looking)
                    look_away();
                return;
            }
            /* Others may help, and this worker tries again if the region is stuck. */
            gk_give_back(unfit = slot);
        } else if (r != NULL) {
            foreign |= r->foreign;
            if (looking)
                look_away();
            looking = 0;
            if (!long_slices && atomic_load_explicit(&pool.long_slices, memory_order_relaxed)) {
                gk_thread_use_long_slices();
                long_slices = 1;
            }
            help(r, slot, woken);
            woken = 0;
            stuck = -1;
        } else if (lazily || unfit >= 0 || !may_spin() || !spin_for_offer()) {
            if (foreign)
                gk_signal_mask_set_internal(NULL);
            foreign = 0;
            stuck = park(lazily || unfit >= 0, &looking);
            unfit = -1;
            lazily = stuck < 0 && atomic_exchange(&pool.lazily, 0);
            woken = 1;
        }
        r = NULL;
    }
}

/* ---- Starting, waking, stopping ---- */

#if !defined(_WIN32)
static void stop_at_exit(void)
{
    gk_pool_stop();
}

static void register_handlers(void)
{
    pthread_atfork(gk_pool_before_fork, gk_pool_after_fork_in_parent, gk_pool_after_fork_in_child);
    /* Also runs when the library is unloaded: idle workers would go on to run code that
     * is no longer mapped. */
    atexit(stop_at_exit);
}
static pthread_once_t handlers = PTHREAD_ONCE_INIT;
#endif

static void wake_sleepers(int count)
{
    /* A worker between its last check and its sleep sees that the word has changed
     * [wake-sleep]. */
    atomic_fetch_add(&pool.epoch, 1);
    gk_wake(&pool.epoch, count);
}

/* Starts up to `count` workers, until `limit` exist, with the lock held. A failed start is
 * not an error: regions continue with the workers there are. */
static void start_workers(int count, int limit, worker new_worker)
{
    if (limit > GK_MAX_THREADS)
        limit = GK_MAX_THREADS;
    for (int index = atomic_load(&pool.workers); count > 0 && index < limit && atomic_load(&pool.stop) == 0; count--) {
        /* Counted before it runs, because it may add itself to the sleepers. */
        atomic_fetch_add(&pool.workers, 1);
        atomic_fetch_add(&pool.looking, 1);
        worker *w = &pool.members[index++];
        *w = new_worker;
        w->thread = gk_thread_start_with_stack(worker_main, w, "gilkit", w->stack_size);
        if (w->thread == NULL) {
            atomic_store(&pool.retry_start_at, gk_now() + GK_SECOND);
            atomic_fetch_sub(&pool.workers, 1);
            /* A caller may have relied on the worker [look-away]. */
            if (atomic_fetch_sub(&pool.looking, 1) == 1 && gk_foreign_offer() > 0 && atomic_load(&pool.sleepers) > 0)
                wake_sleepers(1);
            break;
        }
    }
}

static void prepare_to_start(void)
{
#if !defined(_WIN32)
    pthread_once(&handlers, register_handlers);
#endif
}

/* See gk_pool_wake(). After a failed start, none is tried for a second. A helper is
 * `blocking` and waits for the lock, since the lock holder never waits for a helper. A
 * caller does not wait; its time is better spent on its own chunks. */
static int wake(int count, const gk_region *r, int blocking)
{
    GK_STEP();
    int cores = usable_cores(), threads = r->threads, wanted = threads > cores ? threads : cores;
    if (busy_threads() >= wanted)
        return 0;
    int asleep = atomic_load(&pool.sleepers); /* seq_cst: [offer-park] */
    if (asleep > 0) {
        if (atomic_load_explicit(&pool.lazily, memory_order_relaxed))
            atomic_store(&pool.lazily, 0);
        wake_sleepers(count < asleep ? count : asleep);
    }
    if (count > asleep && atomic_load(&pool.workers) < threads - 1) {
        if (gk_now() < atomic_load_explicit(&pool.retry_start_at, memory_order_relaxed))
            return 0;
        prepare_to_start();
        if (blocking)
            lock();
        else if (!try_lock())
            return 0;
        start_workers(count - asleep, threads - 1, (worker){.stack_size = gk_thread_stack_size(r->stack_size)});
        unlock();
    }
    return 1;
}

int gk_pool_wake(int count, const gk_region *region)
{
    return wake(count, region, 0);
}

/* Wakes or starts a worker that looks for offers, if there is none, for a foreign region that
 * may use `helpers`. Its caller is about to run a chunk that may block, so unlike wake(), this
 * refuses nothing: not because enough threads compute (the worker then helps only a region
 * whose caller is stuck), nor after a failed start, and it waits for the lock. The lock holder
 * never waits for a body. */
static void ensure_watch(int helpers)
{
    GK_STEP();
    if (atomic_load(&pool.looking) > 0) /* seq_cst: [look-away] */
        return;
    int cores = usable_cores(), lazily = busy_threads() >= (helpers + 1 > cores ? helpers + 1 : cores);
    if (atomic_load(&pool.sleepers) > 0) {
        if (lazily)
            atomic_store(&pool.lazily, 1);
        wake_sleepers(1);
    } else if (atomic_load(&pool.workers) < helpers) {
        prepare_to_start();
        lock();
        if (atomic_load(&pool.looking) == 0)
            start_workers(1, helpers, (worker){.stack_size = gk_thread_stack_size(0), .lazily = lazily});
        unlock();
    }
}

void gk_pool_watch(const gk_region *region)
{
    if (atomic_load_explicit(&pool.watched, memory_order_relaxed) == 0)
        atomic_store(&pool.watched, 1);
    ensure_watch(region->threads - 1);
}

/* Ends the workers if none is inside a region. Called with the lock. Never waits for a
 * body, because the calling thread may hold something a body needs, such as the GIL. */
static int stop_idle_workers(void)
{
    if (gk_callers() != 0)
        return 0;
    atomic_store(&pool.closed, 1);
    GK_STEP();
    int idle = gk_callers() == 0 && !gk_helpers_inside(); /* [close-join] */
    if (idle) {
        atomic_store(&pool.stop, 1);
        atomic_fetch_add(&pool.epoch, 1);
        gk_wake(&pool.epoch, GK_WAKE_ALL);
        int workers = atomic_load(&pool.workers);
        for (int i = 0; i < workers; i++)
            gk_thread_join(pool.members[i].thread);
        atomic_store(&pool.workers, 0);
        atomic_store(&pool.looking, 0);
        atomic_store(&pool.stop, 0);
    }
    atomic_store(&pool.closed, 0);
    return idle;
}

/* A foreign region that began during the stop may have relied on a worker that has ended
 * since. Called with the lock. */
static void replace_watch(void)
{
    int helpers = atomic_load(&pool.looking) == 0 ? gk_foreign_offer() : 0; /* [look-away] */
    if (helpers > 0)
        start_workers(1, helpers, (worker){.stack_size = gk_thread_stack_size(0)});
}

int gk_pool_stop(void)
{
    lock();
    int stopped = stop_idle_workers();
    replace_watch();
    unlock();
    return stopped;
}

/* ---- fork ---- */

void gk_pool_before_fork(void)
{
    /* Locked until after the fork, so no worker starts meanwhile and the child inherits
     * a consistent list of workers. The lock holder never waits for a body, so a body
     * may block on the lock. */
    lock();
    stop_idle_workers();
}

void gk_pool_after_fork_in_parent(void)
{
    replace_watch();
    unlock();
}

void gk_pool_after_fork_in_child(void)
{
    /* Other threads may have been running regions. Neither they nor the workers exist
     * here, only this thread. */
    int workers = atomic_load(&pool.workers);
    for (int i = 0; i < workers; i++)
        gk_thread_forget(pool.members[i].thread);
    atomic_store(&pool.workers, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.looking, 0);
    atomic_store(&pool.lazily, 0);
    atomic_store(&pool.stop, 0);
    atomic_store(&pool.closed, 0);
    atomic_fetch_add(&pool.forks, 1);
    atomic_store(&pool.retry_start_at, 0);
    gk_slots_reset();
    gk_regions_after_fork_in_child();
    gk_park_after_fork_in_child();
    unlock();
}

/* ---- Settings ---- */

/* *source becomes what decides, unless that is the number of usable cores. */
static int num_threads(const char **source)
{
    int threads = atomic_load_explicit(&pool.threads_set, memory_order_relaxed);
    if (threads > 0) {
        *source = "set_num_threads";
        return threads;
    }
    threads = gk_environment_threads();
    if (threads > 0) {
        *source = "GILKIT_NUM_THREADS";
        return threads;
    }
    return gk_environment_limit(usable_cores(), source);
}

int gk_num_threads(void)
{
    const char *unused;
    return num_threads(&unused);
}

const char *gk_num_threads_source(void)
{
    const char *source = NULL;
    int threads = num_threads(&source);
    return source != NULL ? source : threads < gk_cores_affinity() ? "quota" : "affinity";
}

void gk_set_num_threads(int threads)
{
    if (threads < 0)
        threads = 0;
    atomic_store(&pool.threads_set, threads < GK_MAX_THREADS ? threads : GK_MAX_THREADS);
}

void gk_pool_use_long_slices(void)
{
    atomic_store_explicit(&pool.long_slices, 1, memory_order_relaxed);
}

int gk_pool_workers(void)
{
    return atomic_load(&pool.workers);
}

int gk_pool_sleepers(void)
{
    return atomic_load(&pool.sleepers);
}

int64_t gk_pool_spin(void)
{
    return atomic_load(&pool.spin);
}

void gk_pool_set_spin(int64_t nanoseconds)
{
    atomic_store(&pool.spin, nanoseconds);
}
