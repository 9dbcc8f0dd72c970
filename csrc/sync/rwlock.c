#include "sync/rwlock.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "sync/fork.h"
#include "sync/spin.h"

enum { WRITER = 1, WAITERS = 2, READER = 4 };
enum { TO_READ, TO_WRITE };

/* The locks that this thread's owners hold to read: itself, or its greenlets. */

typedef struct {
    uint64_t id;
    uintptr_t owner;
    uint32_t times;
} holding;

enum { INLINE_HOLDINGS = 4 }; /* space for thread-local variables is scarce: base/compiler.h */

static GK_THREAD_LOCAL struct {
    holding few[INLINE_HOLDINGS];
    holding *many; /* used once there are more; freed with the last one */
    uint32_t count, capacity;
} reads;

static holding *holdings(void)
{
    return reads.many ? reads.many : reads.few;
}

static holding *find(const gk_rwlock *l, uintptr_t self)
{
    holding *all = holdings();
    for (uint32_t i = reads.count; i-- > 0;) /* usually it is the latest */
        if (all[i].id == l->id && all[i].owner == self)
            return &all[i];
    return NULL;
}

static int note(const gk_rwlock *l, uintptr_t self)
{
    uint32_t capacity = reads.many ? reads.capacity : INLINE_HOLDINGS;
    if (reads.count == capacity) {
        holding *more = realloc(reads.many, 2 * capacity * sizeof *more);
        if (more == NULL)
            return GK_NO_MEMORY;
        if (reads.many == NULL)
            memcpy(more, reads.few, sizeof reads.few);
        reads.many = more;
        reads.capacity = 2 * capacity;
    }
    holdings()[reads.count++] = (holding){l->id, self, 1};
    return GK_OK;
}

static void forget(holding *h)
{
    *h = holdings()[--reads.count];
    if (reads.count == 0) {
        free(reads.many);
        reads.many = NULL;
    }
}

uint32_t gk_rwlock_reads_of(const gk_rwlock *l, uintptr_t self)
{
    holding *h = find(l, self);
    return h ? h->times : 0;
}

int gk_rwlock_is_written_by(gk_rwlock *l, uintptr_t self)
{
    return atomic_load_explicit(&l->writer, memory_order_relaxed) == self;
}

int gk_rwlock_is_held_beside(gk_rwlock *l, uintptr_t self, int to_write)
{
    if (atomic_load_explicit(&l->writer_thread, memory_order_relaxed) == gk_thread_ident() &&
        !gk_rwlock_is_written_by(l, self))
        return 1;
    holding *all = holdings();
    for (uint32_t i = 0; to_write && i < reads.count; i++)
        if (all[i].id == l->id && all[i].owner != self)
            return 1;
    return 0;
}

uint32_t gk_rwlock_readers(gk_rwlock *l)
{
    return atomic_load_explicit(&l->state, memory_order_relaxed) / READER;
}

int gk_rwlock_is_written(gk_rwlock *l)
{
    return atomic_load_explicit(&l->state, memory_order_relaxed) & WRITER;
}

void gk_rwlock_init(gk_rwlock *l)
{
    static _Atomic uint64_t last;
    *l = (gk_rwlock){.id = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1};
}

/* WAITERS changes only under the queue_lock, and is set while the queue is not empty.
 * While it is set, threads enter only by a grant. */

static int try(gk_rwlock *l, int kind)
{
    uint32_t seen = atomic_load_explicit(&l->state, memory_order_relaxed);
    for (;;) {
        if (kind == TO_WRITE ? seen != 0 : seen & (WRITER | WAITERS))
            return 0;
        if (atomic_compare_exchange_weak_explicit(&l->state, &seen,
                                                  seen + (kind == TO_WRITE ? (uint32_t)WRITER : READER),
                                                  memory_order_acquire, memory_order_relaxed))
            return 1;
    }
}

/* Admits the waiters that may enter. Called with the queue_lock, which it releases. */
static void grant_and_unlock(gk_rwlock *l)
{
    _Atomic uint32_t *asleep = NULL;
    gk_queue *q = &l->queue;
    uint32_t state = atomic_load_explicit(&l->state, memory_order_relaxed);
    gk_waiter *writer = q->first;
    while (writer != NULL && writer->tag != TO_WRITE)
        writer = writer->next;
    int readers_turn = writer == NULL || (q->first->tag == TO_READ &&
                                          gk_now() - q->first->since >= GK_RWLOCK_HANDOVER_AFTER);
    if (state & WRITER) {
        /* All wait for the writer. */
    } else if (q->first != NULL && readers_turn) {
        for (gk_waiter *w = q->first, *next; w != NULL; w = next) {
            next = w->next;
            if (w->tag == TO_READ) {
                atomic_fetch_add_explicit(&l->state, READER, memory_order_acquire);
                gk_queue_signal(q, w, GK_WAITER_GRANTED, &asleep);
            }
        }
    } else if (writer != NULL && state < READER) {
        atomic_fetch_or_explicit(&l->state, WRITER, memory_order_acquire);
        gk_queue_signal(q, writer, GK_WAITER_GRANTED, &asleep);
    }
    if (q->first == NULL)
        atomic_fetch_and_explicit(&l->state, ~(uint32_t)WAITERS, memory_order_relaxed);
    gk_queue_unlock_and_wake(q, asleep);
}

static void queue_up(gk_rwlock *l, gk_waiter *w)
{
    gk_queue_lock(&l->queue);
    if (w->since == 0) {
        w->since = gk_now();
        gk_queue_push(&l->queue, w);
    } else {
        gk_queue_push_front(&l->queue, w);
    }
    atomic_fetch_or_explicit(&l->state, WAITERS, memory_order_relaxed);
    grant_and_unlock(l); /* it may have become free meanwhile */
}

static int try_for_a_while(gk_rwlock *l, int kind)
{
    int rounds = gk_spin_begin(), taken = 0;
    for (int i = 0; i < rounds && !taken; i++) {
        if (atomic_load_explicit(&l->state, memory_order_relaxed) & WAITERS)
            break;
        gk_cpu_relax();
        taken = try(l, kind);
    }
    gk_spin_end(rounds);
    return taken;
}

static void stop_reading(gk_rwlock *l)
{
    uint32_t left = atomic_fetch_sub_explicit(&l->state, READER, memory_order_release) - READER;
    if (left == WAITERS) { /* the last reader, and there are waiters */
        gk_queue_lock(&l->queue);
        grant_and_unlock(l);
    }
}

static void stop_writing(gk_rwlock *l)
{
    uint32_t left = atomic_fetch_sub_explicit(&l->state, WRITER, memory_order_release) - WRITER;
    if (left & WAITERS) {
        gk_queue_lock(&l->queue);
        grant_and_unlock(l);
    }
}

static int wait_for_turn(gk_rwlock *l, int kind, gk_waiter *w, const gk_wait_options *p)
{
    for (;;) {
        queue_up(l, w);
        int why = gk_waiter_sleep(w, p);
        if (why == GK_SLEEP_SIGNALLED)
            return GK_OK;
        gk_queue_lock(&l->queue);
        int granted = !gk_queue_remove(&l->queue, w) && gk_waiter_signalled(w);
        grant_and_unlock(l); /* readers may have waited just for this writer */
        if (why == GK_SLEEP_RAISED) {
            if (granted) {
                if (kind == TO_READ)
                    stop_reading(l);
                else
                    stop_writing(l);
            }
            return GK_INTERRUPTED;
        }
        if (granted)
            return GK_OK;
        if (why == GK_SLEEP_EXPIRED)
            return GK_TIMEOUT;
        if (why == GK_SLEEP_FORKED)
            w->since = 0; /* in the child, the waiters queue up again in their order */
        /* Not in the queue while the handler runs, see lock.c. */
        if (why == GK_SLEEP_POLL && p->poll(p->context) != 0)
            return GK_INTERRUPTED;
    }
}

static int acquire(gk_rwlock *l, int kind, const gk_wait_options *p)
{
    if (try(l, kind))
        return GK_OK;
    if (gk_must_not_wait(p))
        return GK_TIMEOUT;
    if (!gk_wait_switches(p) && try_for_a_while(l, kind))
        return GK_OK;
    gk_waiter here, *w = gk_waiter_place(&here, p);
    if (w == NULL)
        return GK_NO_MEMORY;
    w->tag = (uint64_t)kind;
    int status = wait_for_turn(l, kind, w, p);
    gk_waiter_drop(w, &here);
    return status;
}

/* Waits for a lock that `self` holds. Only a signal handler, or an exception, can end that
 * before the deadline. */
static int wait_for_oneself(gk_rwlock *l, uintptr_t self, int kind, const gk_wait_options *p)
{
    if (gk_wait_until(p) == GK_FOREVER)
        return GK_OWNED;
    if (gk_must_not_wait(p))
        return GK_TIMEOUT;
    gk_waiter here, *w = gk_waiter_place(&here, p);
    if (w == NULL)
        return GK_NO_MEMORY;
    w->generation = gk_fork_generation();
    int status = GK_TIMEOUT, why;
    while ((why = gk_waiter_sleep(w, p)) == GK_SLEEP_POLL) {
        if (p->poll(p->context) != 0) {
            status = GK_INTERRUPTED;
            break;
        }
        if (!gk_rwlock_is_written_by(l, self) && (kind == TO_READ || find(l, self) == NULL)) {
            status = kind == TO_READ ? gk_rwlock_acquire_read_as(l, self, p) : gk_rwlock_acquire_write_as(l, self, p);
            break;
        }
    }
    gk_waiter_drop(w, &here);
    return why == GK_SLEEP_RAISED ? GK_INTERRUPTED : status;
}

int gk_rwlock_acquire_read_as(gk_rwlock *l, uintptr_t self, const gk_wait_options *p)
{
    holding *h = find(l, self);
    if (h != NULL) {
        if (h->times == UINT32_MAX)
            return GK_OVERFLOW;
        h->times++;
        return GK_OK;
    }
    if (gk_rwlock_is_written_by(l, self))
        return wait_for_oneself(l, self, TO_READ, p);
    int status = acquire(l, TO_READ, p);
    if (status == GK_OK && (status = note(l, self)) != GK_OK)
        stop_reading(l);
    return status;
}

int gk_rwlock_acquire_write_as(gk_rwlock *l, uintptr_t self, const gk_wait_options *p)
{
    if (gk_rwlock_is_written_by(l, self) || find(l, self) != NULL)
        return wait_for_oneself(l, self, TO_WRITE, p);
    int status = acquire(l, TO_WRITE, p);
    if (status == GK_OK) {
        atomic_store_explicit(&l->writer_thread, gk_thread_ident(), memory_order_relaxed);
        atomic_store_explicit(&l->writer, self, memory_order_relaxed);
    }
    return status;
}

int gk_rwlock_release_read_as(gk_rwlock *l, uintptr_t self)
{
    holding *h = find(l, self);
    if (h == NULL)
        return GK_NOT_HELD;
    if (--h->times > 0)
        return GK_OK;
    forget(h);
    stop_reading(l);
    return GK_OK;
}

int gk_rwlock_release_write_as(gk_rwlock *l, uintptr_t self)
{
    if (!gk_rwlock_is_written_by(l, self))
        return GK_NOT_HELD;
    atomic_store_explicit(&l->writer_thread, 0, memory_order_relaxed);
    atomic_store_explicit(&l->writer, 0, memory_order_relaxed);
    stop_writing(l);
    return GK_OK;
}
