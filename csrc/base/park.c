#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/park.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/hub.h"
#include "base/status.h"

GK_INLINE int has_limit(int64_t deadline)
{
    return deadline != GK_NO_DEADLINE && deadline != GK_FOREVER;
}

#if defined(__linux__) && !defined(GK_PARK_TABLE)

#  include <errno.h>
#  include <sys/syscall.h>
#  include <time.h>
#  include <unistd.h>

/* As in <linux/futex.h>, which musl alone does not provide. */
enum { FUTEX_WAKE = 1, FUTEX_WAIT_BITSET = 9, FUTEX_PRIVATE_FLAG = 128 };
#  define FUTEX_BITSET_MATCH_ANY 0xffffffffu

gk_wait_result gk_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    struct timespec t, *limit = NULL;
    if (has_limit(deadline)) {
        if (deadline < 0)
            deadline = 0;
        t.tv_sec = (time_t)(deadline / GK_SECOND);
        t.tv_nsec = (long)(deadline % GK_SECOND);
        limit = &t;
    }
    /* FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC, which is
     * gk_now(): waiting again after a signal needs no arithmetic. */
    long r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, limit, NULL,
                     FUTEX_BITSET_MATCH_ANY);
    return r == -1 && errno == ETIMEDOUT ? GK_TIMED_OUT : GK_WOKEN;
}

static void wake_threads(_Atomic uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
}

static void reset_parked_threads(void) {}

#elif defined(_WIN32)

#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>

gk_wait_result gk_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    DWORD ms = INFINITE;
    if (has_limit(deadline)) {
        int64_t left = deadline - gk_now();
        if (left <= 0)
            return GK_TIMED_OUT;
        /* Rounded up: waking a little late is better than spinning through the last
         * millisecond. Waits longer than the maximum return early, and callers loop. */
        int64_t whole = (left + GK_MILLISECOND - 1) / GK_MILLISECOND;
        ms = whole > 0x7ffffffe ? 0x7ffffffe : (DWORD)whole;
    }
    if (WaitOnAddress((volatile void *)word, &expected, sizeof expected, ms))
        return GK_WOKEN;
    return GetLastError() == ERROR_TIMEOUT && has_limit(deadline) && gk_now() >= deadline
               ? GK_TIMED_OUT
               : GK_WOKEN;
}

static void wake_threads(_Atomic uint32_t *word, int count)
{
    if (count == 1)
        WakeByAddressSingle((void *)word);
    else
        WakeByAddressAll((void *)word);
}

static void reset_parked_threads(void) {}

#else

#  include <errno.h>
#  include <pthread.h>
#  include <time.h>

/* Sleepers on different words may share a bucket, so every wake-up wakes the whole
 * bucket, and each sleeper checks its own word again. */
enum { BUCKETS = 64 };

static struct bucket {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} buckets[BUCKETS];
static pthread_once_t buckets_once = PTHREAD_ONCE_INIT;

static void init_buckets(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#  if !defined(__APPLE__)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#  endif
    for (int i = 0; i < BUCKETS; i++) {
        pthread_mutex_init(&buckets[i].mutex, NULL);
        pthread_cond_init(&buckets[i].changed, &attributes);
    }
    pthread_condattr_destroy(&attributes);
}

static struct bucket *bucket_of(_Atomic uint32_t *word)
{
    pthread_once(&buckets_once, init_buckets);
    uintptr_t key = (uintptr_t)word;
    return &buckets[(key >> 4 ^ key >> 12) % BUCKETS];
}

static int timed_wait(struct bucket *b, int64_t deadline)
{
    struct timespec t;
#  if defined(__APPLE__)
    int64_t left = deadline - gk_now();
    if (left <= 0)
        return ETIMEDOUT;
    t.tv_sec = (time_t)(left / GK_SECOND);
    t.tv_nsec = (long)(left % GK_SECOND);
    return pthread_cond_timedwait_relative_np(&b->changed, &b->mutex, &t);
#  else
    t.tv_sec = (time_t)(deadline / GK_SECOND);
    t.tv_nsec = (long)(deadline % GK_SECOND);
    return pthread_cond_timedwait(&b->changed, &b->mutex, &t);
#  endif
}

gk_wait_result gk_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    struct bucket *b = bucket_of(word);
    int error = 0;
    pthread_mutex_lock(&b->mutex);
    /* Checked under the mutex that gk_wake() takes: either a change before gk_wake()
     * is seen here, or its broadcast comes after the wait has begun. */
    if (atomic_load(word) == expected) {
        if (has_limit(deadline))
            error = timed_wait(b, deadline < 0 ? 0 : deadline);
        else
            pthread_cond_wait(&b->changed, &b->mutex);
    }
    pthread_mutex_unlock(&b->mutex);
    return error == ETIMEDOUT ? GK_TIMED_OUT : GK_WOKEN;
}

static void wake_threads(_Atomic uint32_t *word, int count)
{
    (void)count;
    struct bucket *b = bucket_of(word);
    pthread_mutex_lock(&b->mutex);
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

static void reset_parked_threads(void)
{
    init_buckets();
}

#endif

void gk_wake(_Atomic uint32_t *word, int count)
{
    if (gk_hub_wake(word) == 0 || count > 1)
        wake_threads(word, count);
}

void gk_park_after_fork_in_child(void)
{
    reset_parked_threads();
    gk_hub_after_fork_in_child();
}
