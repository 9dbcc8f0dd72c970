/* Populating, clearing, lending and giving back: every byte of the block, and none outside it. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "memory/pages.h"
#include "runtime/parallel.h"
#include "stress.h"

enum { MIB = 1 << 20, MARGIN = 3 * 4096 + 100 };

static const size_t SIZES[] = {1, 100, 4095, 4096, 4097, 65536, 2 * MIB - 1, 5 * MIB + 12345, 17 * MIB};
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };

static int all(const unsigned char *p, size_t n, int value)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != value)
            return 0;
    return 1;
}

static void test_inside_only(void)
{
    for (int i = 0; i < N_SIZES; i++) {
        size_t size = SIZES[i];
        unsigned char *area = malloc(size + 2 * MARGIN), *block = area + MARGIN;
        CHECK(area != NULL);
        memset(area, 7, size + 2 * MARGIN);
        gk_pages_clear(block, size);
        CHECK(all(block, size, 0));
        memset(block, 9, size);
        gk_pages_lend(block, size);
        for (size_t j = 0; j < size; j++)
            CHECK(block[j] == 9 || block[j] == 0);
        memset(block, 5, size); /* values written after gk_pages_lend() must stay */
        CHECK(all(block, size, 5));
        gk_pages_give_back(block, size);
        memset(block, 6, size);
        CHECK(all(block, size, 6));
        gk_pages_populate(block, size);
        CHECK(all(area, MARGIN, 7) && all(block + size, MARGIN, 7));
        free(area);
    }
}

static void clear_in_body(int64_t begin, int64_t end, void *data)
{
    for (int64_t i = begin; i < end; i++) {
        gk_pages_clear((char *)data + i * 5 * MIB, 5 * MIB);
        if (i == 0)
            gk_cancel(1); /* a region that has ended must not leave half a block */
    }
}

static void test_inside_a_region(void)
{
    unsigned char *area = malloc(4 * 5 * MIB);
    CHECK(area != NULL);
    memset(area, 1, 4 * 5 * MIB);
    CHECK(gk_parallel_for(4, clear_in_body, area, &(gk_options){.threads = 1, .grain = 2}) == 1);
    CHECK(all(area, 2 * 5 * MIB, 0));
    free(area);
}

#if defined(__linux__)
#  include <sys/mman.h>

static size_t resident(void *area, size_t size)
{
    size_t page = (size_t)gk_page_size(), n = size / page, count = 0;
    unsigned char *in_core = malloc(n);
    CHECK(in_core != NULL && mincore(area, size, in_core) == 0);
    for (size_t i = 0; i < n; i++)
        count += in_core[i] & 1;
    free(in_core);
    return count * page;
}

static void test_resident(void)
{
    size_t size = 9 * MIB, page = (size_t)gk_page_size();
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    madvise(area, size, MADV_NOHUGEPAGE); /* fails where the kernel has no huge pages */
    CHECK(resident(area, size) == 0);
    gk_pages_populate(area + 16, 8 * MIB);
    size_t got = resident(area, size);
    CHECK(got >= 8 * (size_t)MIB && got <= 8 * MIB + 2 * page);
    gk_pages_give_back(area + 16, 8 * MIB);
    CHECK(resident(area, size) <= 2 * page); /* those at the ends are shared */
    CHECK(munmap(area, size) == 0);
}
#else
static void test_resident(void) {}
#endif

int main(void)
{
    time_limit(300);
    gk_set_num_threads(4);
    test_inside_only();
    test_inside_a_region();
    test_resident();
    CHECK(!gk_pages_are_huge(4096, 1));
    CHECK(gk_pages_are_huge(64 * MIB, 1) >= gk_pages_are_huge(64 * MIB, 0));
    CHECK(gk_pool_stop());
    return 0;
}
