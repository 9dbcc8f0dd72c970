#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/thread.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

#ifdef _WIN32
#  define WIN32_LEAN_AND_MEAN
#  include <process.h>
#  include <windows.h>
#else
#  include <pthread.h>
#  include <sched.h>
#  include <signal.h>
#  if defined(__linux__)
#    include <sys/syscall.h>
#    include <unistd.h>
#  endif
#endif

struct gk_thread {
    void (*main)(void *);
    void *arg;
    char name[16];
#ifdef _WIN32
    HANDLE handle;
#else
    pthread_t handle;
    _Atomic long kernel_id; /* Linux: what the kernel calls it; 0: it has not run yet */
#endif
};

static _Atomic int injected_failures;

void gk_thread_inject_failures(int count)
{
    atomic_store(&injected_failures, count);
}

static int injected_failure(void)
{
    int left = atomic_load_explicit(&injected_failures, memory_order_relaxed);
    while (left > 0)
        if (atomic_compare_exchange_weak(&injected_failures, &left, left - 1))
            return 1;
    return 0;
}

static gk_thread *new_thread(void (*run)(void *), void *arg, const char *name)
{
    if (GK_UNLIKELY(injected_failure()))
        return NULL;
    gk_thread *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->main = run;
    t->arg = arg;
    strncpy(t->name, name, sizeof t->name - 1);
    return t;
}

#ifdef _WIN32

static unsigned __stdcall enter(void *argument)
{
    gk_thread *t = argument;
    t->main(t->arg);
    return 0;
}

gk_thread *gk_thread_start(void (*run)(void *), void *arg, const char *name)
{
    gk_thread *t = new_thread(run, arg, name);
    if (t == NULL)
        return NULL;
    t->handle = (HANDLE)_beginthreadex(NULL, 0, enter, t, 0, NULL);
    if (t->handle == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void gk_thread_join(gk_thread *t)
{
    WaitForSingleObject(t->handle, INFINITE);
    CloseHandle(t->handle);
    free(t);
}

void gk_thread_forget(gk_thread *t)
{
    CloseHandle(t->handle);
    free(t);
}

void gk_thread_yield(void)
{
    SwitchToThread();
}

#else

static void *enter(void *argument)
{
    gk_thread *t = argument;
#  if defined(__APPLE__)
    pthread_setname_np(t->name);
#  elif defined(__linux__)
    atomic_store(&t->kernel_id, syscall(SYS_gettid));
    pthread_setname_np(pthread_self(), t->name);
#  endif
    t->main(t->arg);
    return NULL;
}

gk_thread *gk_thread_start(void (*run)(void *), void *arg, const char *name)
{
    gk_thread *t = new_thread(run, arg, name);
    if (t == NULL)
        return NULL;
    /* A new thread inherits the mask of its maker: blocking here, and not in
     * the thread itself, leaves no moment in which it could take a signal. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&t->handle, NULL, enter, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(t);
        return NULL;
    }
    return t;
}

/* pthread_join returns when the thread has let go of its stack; for a moment
 * more the kernel counts it among the process's threads, and CPython warns of
 * forks in a process that has any. */
static void wait_until_gone(gk_thread *t)
{
#  if defined(__linux__)
    long id = atomic_load(&t->kernel_id), process = (long)getpid();
    /* Bounded, for the number might be given to another thread at once. */
    for (int i = 0; i < 10000 && syscall(SYS_tgkill, process, id, 0) == 0; i++)
        sched_yield();
#  else
    (void)t;
#  endif
}

void gk_thread_join(gk_thread *t)
{
    pthread_join(t->handle, NULL);
    wait_until_gone(t);
    free(t);
}

void gk_thread_forget(gk_thread *t)
{
    free(t);
}

void gk_thread_yield(void)
{
    sched_yield();
}

#endif

uint64_t gk_thread_id(void)
{
    static _Atomic uint64_t last;
    static GK_THREAD_LOCAL uint64_t mine;
    if (mine == 0)
        mine = atomic_fetch_add(&last, 1) + 1;
    return mine;
}
