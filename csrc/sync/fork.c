#include "sync/fork.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/park.h"

static _Atomic uint32_t forks;

uint32_t gk_fork_generation(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

#ifdef _WIN32

void gk_fork_watch(void) {}

void gk_fork_watch_with(gk_fork_hook *hook)
{
    (void)hook;
}

#else

#  include <pthread.h>

enum { MAX_HOOKS = 2 }; /* spin.c and deadlock.c */

static gk_fork_hook *_Atomic hooks[MAX_HOOKS];
static _Atomic int watching;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void after_fork_in_child(void)
{
    gk_park_after_fork_in_child();
    for (int i = 0; i < MAX_HOOKS; i++) {
        gk_fork_hook *hook = atomic_load_explicit(&hooks[i], memory_order_relaxed);
        if (hook != NULL)
            hook();
    }
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void start_watching(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
    atomic_store_explicit(&watching, 1, memory_order_release);
}

void gk_fork_watch(void)
{
    if (GK_UNLIKELY(!atomic_load_explicit(&watching, memory_order_acquire)))
        pthread_once(&watch_once, start_watching);
}

void gk_fork_watch_with(gk_fork_hook *hook)
{
    gk_fork_watch();
    for (int i = 0; i < MAX_HOOKS; i++) {
        gk_fork_hook *found = atomic_load_explicit(&hooks[i], memory_order_acquire);
        if (found == NULL && atomic_compare_exchange_strong(&hooks[i], &found, hook))
            return;
        if (found == hook)
            return;
    }
}

#endif
