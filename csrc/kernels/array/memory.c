#if defined(__linux__) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "kernels/array/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#  include <sys/mman.h>

#  include "base/memory.h"
#endif

/* Bytes of a chunk: 0.1 ms if the pages are new. Blocks of up to DIRECT bytes are not worth a region. */
enum { CHUNK = 1 << 18, DIRECT = 1 << 20 };

/* As NumPy does for its arrays: the kernel clears huge pages three times as fast as small ones. */
static void *with_huge_pages(char *block, int64_t bytes)
{
    enum { WORTH_IT = 4 << 20 };
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (block != NULL && bytes >= WORTH_IT) {
        uintptr_t page = (uintptr_t)gk_page_size(), into = -(uintptr_t)block & (page - 1);
        madvise(block + into, (size_t)bytes - into, MADV_HUGEPAGE); /* only advice: a failure does not matter */
    }
#endif
    (void)bytes;
    return block;
}

/* Precedes scratch memory. */
typedef union {
    int64_t bytes; /* that follow */
    max_align_t alignment;
} scratch_head;

static _Atomic(scratch_head *) kept; /* or NULL */

void *gk_allocate(int64_t count, int64_t size)
{
    int64_t bytes = gk_times(count, size);
    if (bytes > PTRDIFF_MAX - 1)
        return NULL;
    size_t wanted = (size_t)bytes + (bytes == 0); /* malloc(0) may return NULL */
    char *block = malloc(wanted);
    /* What is kept for the next sort must not make this call fail. */
    scratch_head *head = block == NULL ? atomic_exchange(&kept, NULL) : NULL;
    if (head != NULL) {
        free(head);
        block = malloc(wanted);
    }
    return with_huge_pages(block, bytes);
}

void *gk_scratch_allocate(int64_t count, int64_t size)
{
    int64_t bytes = gk_times(count, size);
    if (bytes > PTRDIFF_MAX - 2 * GK_CACHE_LINE)
        return NULL;
    scratch_head *head = atomic_exchange(&kept, NULL);
    if (head == NULL || head->bytes < bytes) {
        free(head);
        head = gk_allocate(bytes + (int64_t)sizeof *head, 1);
        if (head == NULL)
            return NULL;
        head->bytes = bytes;
    }
    return head + 1;
}

void gk_scratch_release(void *scratch)
{
    if (scratch == NULL)
        return;
    scratch_head *head = (scratch_head *)scratch - 1;
    free(head->bytes <= GK_SCRATCH_KEPT ? atomic_exchange(&kept, head) : head);
}

typedef struct {
    char *to;
    const char *from; /* NULL: clear */
    int64_t bytes;
} block;

static void fill_chunks(int64_t begin, int64_t end, void *data)
{
    const block *b = data;
    int64_t at = begin * CHUNK, count = end < gk_ceil_div(b->bytes, CHUNK) ? (end - begin) * CHUNK : b->bytes - at;
    if (b->from == NULL)
        memset(b->to + at, 0, (size_t)count);
    else
        memcpy(b->to + at, b->from + at, (size_t)count);
}

static int fill(block b, const gk_options *options)
{
    if (b.bytes <= DIRECT) {
        if (b.bytes > 0)
            fill_chunks(0, gk_ceil_div(b.bytes, CHUNK), &b);
        return GK_OK;
    }
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = b.bytes >= 8 * DIRECT;
    return gk_parallel_for(gk_ceil_div(b.bytes, CHUNK), fill_chunks, &b, &mine);
}

int gk_clear(void *to, int64_t bytes, const gk_options *options)
{
    return fill((block){to, NULL, bytes}, options);
}

int gk_copy(void *to, const void *from, int64_t bytes, const gk_options *options)
{
    return fill((block){to, from, bytes}, options);
}
