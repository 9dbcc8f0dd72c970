#include "base/hub.h"

#include <stddef.h>

#include "base/compiler.h"
#include "base/thread.h"

enum { BUCKETS = 256 };

static gk_sleeper_list buckets[BUCKETS]; /* by word */
static _Atomic int sleepers;             /* in all buckets */
static uint32_t forks;

/* Guards everything above and all members of hubs and sleepers. It is held for a few pointer
 * operations and the call of notify(). It cannot sleep in gk_wait(), since gk_wake() takes it. */
static _Atomic int busy;

static void lock(void)
{
    while (atomic_exchange_explicit(&busy, 1, memory_order_acquire) != 0)
        gk_thread_yield();
}

static void unlock(void)
{
    atomic_store_explicit(&busy, 0, memory_order_release);
}

static gk_sleeper_list *bucket_of(_Atomic uint32_t *word)
{
    uintptr_t key = (uintptr_t)word;
    return &buckets[(key >> 4 ^ key >> 12) % BUCKETS];
}

static void append(gk_sleeper_list *list, gk_sleeper *s)
{
    s->list = list;
    s->next = NULL;
    s->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = s;
    list->last = s;
}

static void take(gk_sleeper *s)
{
    *(s->previous ? &s->previous->next : &s->list->first) = s->next;
    *(s->next ? &s->next->previous : &s->list->last) = s->previous;
    s->list = NULL;
}

/* A waking thread changes the word and then reads `sleepers`; a greenlet adds itself to
 * `sleepers` and then reads the word. Both accesses to `sleepers` are read-modify-writes. If
 * the thread's comes second, the thread sees the greenlet. If the greenlet's comes second, it
 * synchronizes with the thread's, and the greenlet sees the changed word [hub-sleep]. A number
 * that is too large only costs the waking thread a search that finds nothing. */

int gk_hub_sleep(gk_hub *hub, gk_sleeper *s, _Atomic uint32_t *word, uint32_t expected)
{
    s->hub = hub;
    s->word = word;
    s->list = NULL;
    lock();
    s->forks = forks;
    atomic_fetch_add_explicit(&sleepers, 1, memory_order_acquire);
    int asleep = atomic_load_explicit(word, memory_order_relaxed) == expected;
    if (asleep)
        append(bucket_of(word), s);
    else
        atomic_fetch_sub_explicit(&sleepers, 1, memory_order_relaxed);
    unlock();
    return asleep;
}

void gk_hub_leave(gk_sleeper *s)
{
    lock();
    if (s->list != NULL && s->forks == forks) {
        if (s->list != &s->hub->woken)
            atomic_fetch_sub_explicit(&sleepers, 1, memory_order_relaxed);
        take(s);
    }
    unlock();
}

gk_sleeper *gk_hub_next(gk_hub *hub)
{
    lock();
    gk_sleeper *s = hub->woken.first;
    if (s != NULL)
        take(s);
    else
        hub->notified = 0;
    unlock();
    return s;
}

static int wake_sleepers(_Atomic uint32_t *word)
{
    int woken = 0;
    lock();
    for (gk_sleeper *s = bucket_of(word)->first, *next; s != NULL; s = next) {
        next = s->next;
        if (s->word != word)
            continue;
        gk_hub *hub = s->hub;
        take(s);
        append(&hub->woken, s);
        atomic_fetch_sub_explicit(&sleepers, 1, memory_order_relaxed);
        woken++;
        if (!hub->notified) {
            hub->notified = 1;
            hub->notify(hub);
        }
    }
    unlock();
    return woken;
}

int gk_hub_wake(_Atomic uint32_t *word)
{
    return GK_LIKELY(atomic_fetch_add_explicit(&sleepers, 0, memory_order_release) == 0) ? 0 : wake_sleepers(word);
}

void gk_hub_after_fork_in_child(void)
{
    for (int i = 0; i < BUCKETS; i++)
        buckets[i] = (gk_sleeper_list){NULL, NULL};
    atomic_store_explicit(&sleepers, 0, memory_order_relaxed);
    forks++;
    unlock(); /* perhaps of a thread that does not exist here */
}
