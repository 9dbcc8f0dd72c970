#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/thread.h"

#include <fenv.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/signals.h"

#ifdef _WIN32
#  define WIN32_LEAN_AND_MEAN
#  include <process.h>
#  include <windows.h>
#else
#  include <pthread.h>
#  include <sched.h>
#  include <unistd.h>
#  if defined(__linux__)
#    include <sys/prctl.h>
#    include <sys/syscall.h>
#  endif
#endif

enum { MIN_STACK = 256 << 10 };

struct gk_thread {
    void (*main)(void *);
    void *arg;
    char name[16];
#ifdef _WIN32
    HANDLE handle;
#else
    pthread_t handle;
    _Atomic long kernel_id; /* its Linux thread ID; 0: it has not run yet */
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

/* The size in the program's header. */
static size_t default_stack_size(void)
{
    const char *program = (const char *)GetModuleHandleW(NULL);
    const IMAGE_DOS_HEADER *dos = (const IMAGE_DOS_HEADER *)(const void *)program;
    const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(const void *)(program + dos->e_lfanew);
    return (size_t)headers->OptionalHeader.SizeOfStackReserve;
}

gk_thread *gk_thread_start_with_stack(void (*run)(void *), void *arg, const char *name, size_t stack_size)
{
    gk_thread *t = new_thread(run, arg, name);
    if (t == NULL)
        return NULL;
    size_t wanted = gk_thread_stack_size(stack_size);
    unsigned size = wanted > UINT_MAX ? UINT_MAX : (unsigned)wanted;
    t->handle = (HANDLE)_beginthreadex(NULL, size, enter, t, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
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
    fesetenv(FE_DFL_ENV); /* a new thread inherits its creator's */
    t->main(t->arg);
    return NULL;
}

static size_t default_stack_size(void)
{
#  if defined(__GLIBC__)
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
    }
    return size;
#  elif defined(__APPLE__)
    return 16 << 20;
#  else
    return 8 << 20;
#  endif
}

/* Some systems accept only whole pages. */
static int set_stack_size(pthread_attr_t *attributes, size_t size)
{
    long asked = sysconf(_SC_PAGESIZE);
    size_t page = asked > 0 ? (size_t)asked : 4096;
    if (size > SIZE_MAX - page)
        return -1;
    return pthread_attr_setstacksize(attributes, (size + page - 1) / page * page);
}

gk_thread *gk_thread_start_with_stack(void (*run)(void *), void *arg, const char *name, size_t stack_size)
{
    gk_thread *t = new_thread(run, arg, name);
    if (t == NULL)
        return NULL;
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error == 0) {
        error = set_stack_size(&attributes, gk_thread_stack_size(stack_size));
        if (error == 0) {
            /* A new thread inherits its creator's mask. Blocking the signals here, and not
             * in the thread itself, leaves no moment in which it could receive one. */
            gk_signal_mask before;
            gk_signal_mask_set_internal(&before);
            error = pthread_create(&t->handle, &attributes, enter, t);
            gk_signal_mask_set(&before);
        }
        pthread_attr_destroy(&attributes);
    }
    if (error != 0) {
        free(t);
        return NULL;
    }
    return t;
}

/* pthread_join returns once the thread has released its stack. For a moment longer the
 * kernel counts it among the process's threads, and CPython warns about a fork in a
 * process that has several. */
static void wait_until_gone(gk_thread *t)
{
#  if defined(__linux__)
    long id = atomic_load(&t->kernel_id), process = (long)getpid();
    /* Bounded, because the ID might be reused by another thread at once. */
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

#if defined(__linux__) && defined(SYS_sched_setattr)

/* As in <linux/sched/types.h>, which musl does not provide. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice, deadline, period;
};

void gk_thread_use_long_slices(void)
{
    enum { GET_SECCOMP = 21 };
    struct scheduling s = {0};
    /* A filter of system calls might end the process. Before Linux 6.12, there is no slice to change. */
    if (prctl(GET_SECCOMP, 0, 0, 0, 0) != 0 || syscall(SYS_sched_getattr, 0, &s, sizeof s, 0) != 0 ||
        s.policy != SCHED_OTHER || s.slice == 0)
        return;
    s.slice = 4 * GK_MILLISECOND; /* the default is up to 3 ms */
    syscall(SYS_sched_setattr, 0, &s, 0);
}

#else

void gk_thread_use_long_slices(void) {}

#endif

size_t gk_thread_stack_size(size_t stack_size)
{
    static _Atomic size_t usual;
    if (stack_size == 0) {
        stack_size = atomic_load_explicit(&usual, memory_order_relaxed);
        if (stack_size == 0)
            atomic_store_explicit(&usual, stack_size = default_stack_size(), memory_order_relaxed);
    }
    return stack_size < MIN_STACK ? MIN_STACK : stack_size;
}

gk_thread *gk_thread_start(void (*run)(void *), void *arg, const char *name)
{
    return gk_thread_start_with_stack(run, arg, name, 0);
}

uint64_t gk_thread_id(void)
{
    static _Atomic uint64_t last;
    static GK_THREAD_LOCAL uint64_t mine;
    if (mine == 0)
        mine = atomic_fetch_add(&last, 1) + 1;
    return mine;
}
