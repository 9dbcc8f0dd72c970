/* Preloaded by test_exhaustion.py. After fail_at(n), the n-th allocation of
 * gilkit's own modules fails. The library counts these allocations and those that
 * are not freed. Allocations of other code, including the C library's on gilkit's
 * behalf, succeed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static _Atomic long countdown, allocations, kept;

void fail_at(long n)
{
    allocations = 0;
    countdown = n;
}

long allocations_seen(void)
{
    return allocations;
}

long allocations_kept(void)
{
    return kept;
}

static int ours(void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "/gilkit/");
}

static int fails(void *caller)
{
    if (!ours(caller))
        return 0;
    allocations++;
    if (countdown > 0 && --countdown == 0) {
        errno = ENOMEM;
        return 1;
    }
    kept++;
    return 0;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    return fails(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    if (old == NULL && fails(CALLER))
        return NULL;
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(CALLER) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (fails(CALLER))
        return ENOMEM;
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

void free(void *memory)
{
    if (memory != NULL && ours(CALLER))
        kept--;
    __libc_free(memory);
}
