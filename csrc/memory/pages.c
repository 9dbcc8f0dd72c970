#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#if defined(__APPLE__)
#  define _DARWIN_C_SOURCE 1
#endif
#include "memory/pages.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef _WIN32
#  include <errno.h>
#  include <sys/mman.h>
#endif
#ifdef __linux__
#  include <sys/prctl.h>
#endif

#include "base/memory.h"
#include "runtime/parallel.h"

/* Of Linux 5.14, which older headers lack. */
#if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
#  define MADV_POPULATE_WRITE 23
#endif

enum { HUGE_PAGE = 2 << 20 };

/* Shorter blocks are not worth a wake-up of another thread. */
enum { WORTH_THREADS = 4 << 20 };

/* From here on NumPy asks for huge pages; in shorter blocks, few of them are aligned. */
enum { WORTH_HUGE_PAGES = 4 << 20 };

static uintptr_t page_size(void)
{
    static _Atomic uintptr_t known;
    uintptr_t size = atomic_load_explicit(&known, memory_order_relaxed);
    if (size == 0) {
        size = (uintptr_t)gk_page_size();
        atomic_store_explicit(&known, size, memory_order_relaxed);
    }
    return size;
}

/* ---- Threads ---- */

typedef void piece_work(char *begin, size_t size);

typedef struct {
    char *begin, *end;
    char *first; /* multiple of HUGE_PAGE, so no two threads work on one huge page */
    piece_work *work;
} pieces;

static void do_pieces(int64_t begin, int64_t end, void *data)
{
    pieces *p = data;
    char *from = p->first + begin * HUGE_PAGE, *to = p->first + end * HUGE_PAGE;
    if (from < p->begin)
        from = p->begin;
    if (to > p->end)
        to = p->end;
    p->work(from, (size_t)(to - from));
}

static void do_all(char *begin, size_t size, piece_work *work)
{
    /* Inside a region, the other threads have work already, and the region's end would end this too. */
    if (size >= WORTH_THREADS && !gk_inside()) {
        pieces p = {begin, begin + size, (char *)((uintptr_t)begin & ~(uintptr_t)(HUGE_PAGE - 1)), work};
        int64_t n = (p.end - p.first + HUGE_PAGE - 1) / HUGE_PAGE;
        if (gk_parallel_for(n, do_pieces, &p, &(gk_options){.eager = 1, .grain = 1}) == GK_OK)
            return;
    }
    work(begin, size);
}

/* ---- Pages ---- */

#ifdef __linux__

static int mode_of_the_system(void)
{
    char text[64] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (f == NULL)
        return 'n';
    if (fgets(text, sizeof text, f) == NULL)
        text[0] = '\0';
    fclose(f);
#  ifdef PR_GET_THP_DISABLE
    if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0)
        return 'n';
#  endif
    return strstr(text, "[always]") ? 'a' : strstr(text, "[madvise]") ? 'm' : 'n';
}

int gk_pages_are_huge(size_t size, int advised)
{
    static _Atomic int known; /* the mode: 'a'lways, when 'm'advised, 'n'ever */
    int mode = atomic_load_explicit(&known, memory_order_relaxed);
    if (mode == 0) {
        mode = mode_of_the_system();
        atomic_store_explicit(&known, mode, memory_order_relaxed);
    }
    return size >= WORTH_HUGE_PAGES && (mode == 'a' || (mode == 'm' && advised));
}

#else

int gk_pages_are_huge(size_t size, int advised)
{
    (void)size, (void)advised;
    return 0;
}

#endif

static void touch(char *begin, size_t size)
{
    for (size_t i = 0; i < size; i += page_size())
        *(volatile char *)(begin + i) = 0;
    *(volatile char *)(begin + size - 1) = 0;
}

static void populate(char *begin, size_t size)
{
#if defined(MADV_POPULATE_WRITE) && !defined(GK_NO_POPULATE_WRITE)
    static _Atomic int unknown_to_kernel;
    if (!atomic_load_explicit(&unknown_to_kernel, memory_order_relaxed)) {
        uintptr_t page = page_size(), first = (uintptr_t)begin & ~(page - 1);
        uintptr_t last = ((uintptr_t)begin + size + page - 1) & ~(page - 1);
        if (madvise((void *)first, last - first, MADV_POPULATE_WRITE) == 0)
            return;
        if (errno != EINVAL)
            return; /* no memory, or a signal: the first write gets the rest */
        atomic_store_explicit(&unknown_to_kernel, 1, memory_order_relaxed);
    }
#endif
    touch(begin, size);
}

void gk_pages_populate(void *block, size_t size)
{
    if (size > 0)
        do_all(block, size, populate);
}

static void clear(char *begin, size_t size)
{
    memset(begin, 0, size);
}

void gk_pages_clear(void *block, size_t size)
{
    do_all(block, size, clear);
}

#ifndef _WIN32
/* madvise() on the pages that lie inside the block. */
static int advise(void *block, size_t size, int advice)
{
    uintptr_t page = page_size();
    uintptr_t first = ((uintptr_t)block + page - 1) & ~(page - 1), last = ((uintptr_t)block + size) & ~(page - 1);
    return first < last && madvise((void *)first, last - first, advice) == 0;
}
#endif

int gk_pages_lend(void *block, size_t size)
{
#if !defined(_WIN32) && defined(MADV_FREE)
    return advise(block, size, MADV_FREE);
#else
    (void)block, (void)size;
    return 0;
#endif
}

void gk_pages_give_back(void *block, size_t size)
{
#ifdef __linux__
    advise(block, size, MADV_DONTNEED);
#else
    gk_pages_lend(block, size); /* elsewhere MADV_DONTNEED is only a hint */
#endif
}
