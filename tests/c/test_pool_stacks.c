/* The hazard: helpers have smaller stacks than the caller asks for, and overflow; or a call
 * fails or hangs because a stack cannot be allocated. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include <stdint.h>

#if defined(__linux__)
#  include <pthread.h>
#  include <sys/resource.h>
#endif

#include "meeting.h"
#include "stress.h"

#define MIB ((size_t)1 << 20)

/* ThreadSanitizer keeps more than 200 KiB of its own data on each thread's stack. */
#if defined(__SANITIZE_THREAD__)
#  define SMALL MIB
#else
#  define SMALL ((size_t)256 << 10)
#endif

static void has_stack(void *data)
{
    size_t wanted = *(size_t *)data;
    (void)wanted; /* only Linux reports the size of a stack */
    if (gk_participant() == 0)
        return;
#if defined(__linux__)
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
    CHECK(pthread_attr_getstack(&attributes, &lowest, &size) == 0);
    pthread_attr_destroy(&attributes);
    /* The size may include a guard page or two. */
    CHECK(size + 65536 >= wanted);
#endif
    /* Writes to the far end, to show that the stack really exists. */
    volatile char here[MIB / 8];
    here[0] = 1;
    CHECK(here[0] == 1);
}

static void do_nothing(int64_t begin, int64_t end, void *data)
{
    burn(2000);
    atomic_fetch_add((_Atomic int64_t *)data, end - begin);
}

int main(void)
{
    time_limit(300);
    CHECK(gk_thread_stack_size(0) >= 256 << 10 && gk_thread_stack_size(1) == 256 << 10);
    size_t usual = gk_thread_stack_size(0);
#if defined(__linux__) && !defined(__GLIBC__)
    CHECK(usual >= 8 * MIB); /* musl's own default is 128 KiB */
#endif
    for (int i = 0; i < rounds(20); i++) {
        /* A larger size than the existing workers have, then a smaller one. */
        size_t sizes[] = {usual, 16 * MIB, 16 * MIB, 1 * MIB, 64 * MIB, SMALL + 5000};
        together(3, has_stack, &usual, (gk_options){.foreign = 1});
        for (int s = 0; s < 6; s++) {
            together(3, has_stack, &sizes[s], (gk_options){.foreign = 1, .stack_size = sizes[s]});
            CHECK(gk_pool_workers() == 2);
        }
        together(3, has_stack, &usual, (gk_options){0});
        CHECK(gk_pool_stop());
        CHECK(gk_pool_workers() == 0);
    }
    /* The default again after a small size. */
    size_t small = SMALL;
    together(3, has_stack, &small, (gk_options){.foreign = 1, .stack_size = small});
    together(3, has_stack, &usual, (gk_options){.foreign = 1});

    /* An impossible size: the caller computes alone, whether or not workers exist. */
    for (int stop = 0; stop < 2; stop++) {
        _Atomic int64_t items = 0;
        gk_options huge = {.threads = 4, .eager = 1, .grain = 1, .foreign = 1, .stack_size = SIZE_MAX / 4};
        CHECK(gk_parallel_for(3000, do_nothing, &items, &huge) == GK_OK);
        huge.stack_size = SIZE_MAX;
        CHECK(gk_parallel_for(3000, do_nothing, &items, &huge) == GK_OK);
        CHECK(atomic_load(&items) == 6000);
        CHECK(gk_pool_stop());
    }
    return 0;
}
