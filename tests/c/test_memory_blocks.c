/* The hazards: a block is given to two callers, is too short, is kept forever, is lost, or is not
 * zero. */
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "memory_source.h"
#include "runtime/parallel.h"
#include "stress.h"
#include "thread_group.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

static void open_cache(size_t limit, size_t min_size)
{
    gk_blocks_open(&SOURCE, &(gk_block_options){.limit = limit, .min_size = min_size});
}

static void close_cache(void)
{
    gk_blocks_close();
    CHECK(atomic_load(&source_blocks) == 0);
    CHECK(gk_blocks_get_statistics().bytes == 0 && gk_blocks_get_statistics().blocks == 0);
}

static void *get(size_t size)
{
    return gk_blocks_allocate(size, 0);
}

static void test_reuse(void)
{
    open_cache(100 * MIB, 0);
    char *a = get(8 * MIB);
    memset(a, 1, 8 * MIB);
    gk_blocks_release(a, 8 * MIB);
    CHECK(gk_blocks_get_statistics().blocks == 1 && gk_blocks_get_statistics().bytes == 8 * MIB);
    char *b = get(8 * MIB - 100);
    CHECK(b == a);
    CHECK(gk_blocks_get_statistics().blocks == 0 && gk_blocks_get_statistics().hits == 1);
    char *c = get(8 * MIB);
    CHECK(c != a && gk_blocks_get_statistics().misses == 2);
    gk_blocks_release(c, 8 * MIB);
    gk_blocks_release(b, 8 * MIB - 100); /* its real size is known */
    CHECK(gk_blocks_get_statistics().bytes == 16 * MIB);
    CHECK((a = get(7 * MIB)) != b && a != c); /* would waste 1/7 */
    CHECK((b = get(8 * MIB + 1)) != c);       /* too long */
    gk_blocks_release(a, 7 * MIB);
    gk_blocks_release(b, 8 * MIB + 1);
    size_t all = gk_blocks_get_statistics().bytes;
    CHECK(all >= 31 * MIB && all <= 32 * MIB);
    CHECK(gk_blocks_trim() == all && atomic_load(&source_blocks) == 0);
    close_cache();
}

/* Of several that fit, the smallest; of those, the last one used. */
static void test_best_fit(void)
{
    open_cache(100 * MIB, 0);
    void *a = get(16 * MIB), *b = get(15 * MIB), *c = get(15 * MIB);
    gk_blocks_release(b, 15 * MIB);
    gk_blocks_release(c, 15 * MIB);
    gk_blocks_release(a, 16 * MIB);
    CHECK(get(29 * MIB / 2) == c && get(29 * MIB / 2) == b && get(15 * MIB) == a);
    gk_blocks_release(a, 16 * MIB);
    gk_blocks_release(b, 15 * MIB);
    gk_blocks_release(c, 15 * MIB);
    close_cache();
}

static void test_rounding(void)
{
    open_cache((size_t)1 << 30, 1);
    for (size_t size = 1; size < 100 * MIB; size += size / 7 + 1) {
        gk_blocks_release(get(size), size);
        size_t bytes = gk_blocks_trim();
        CHECK(bytes >= size && bytes - size <= size / 16);
    }
    close_cache();
}

static void test_zeroed(void)
{
    open_cache((size_t)1 << 30, 0);
    for (size_t size = MIB; size < 60 * (size_t)MIB; size += size / 2 + 13) {
        char *block = get(size);
        memset(block, 3, size);
        gk_blocks_release(block, size);
        uint64_t hits = gk_blocks_get_statistics().hits;
        char *again = gk_blocks_allocate(size, 1);
        CHECK(gk_blocks_get_statistics().hits - hits == (size <= GK_BLOCKS_CLEAR_MAX));
        CHECK(size > GK_BLOCKS_CLEAR_MAX || again == block);
        CHECK(gk_blocks_get_statistics().blocks == 0 && atomic_load(&source_blocks) == 1);
        char *fresh = gk_blocks_allocate(size, 1);
        CHECK(fresh != again);
        for (size_t i = 0; i < size; i++)
            CHECK(again[i] == 0 && fresh[i] == 0);
        gk_blocks_release(again, size);
        gk_blocks_release(fresh, size);
        gk_blocks_trim();
    }
    close_cache();
}

static void test_limits(void)
{
    void *blocks[400];
    open_cache(10 * MIB, 64 * KIB);
    for (int i = 0; i < 8; i++)
        blocks[i] = get(2 * MIB);
    for (int i = 0; i < 8; i++) {
        gk_blocks_release(blocks[i], 2 * MIB);
        CHECK(gk_blocks_get_statistics().bytes <= 10 * MIB);
    }
    CHECK(gk_blocks_get_statistics().blocks == 5 && atomic_load(&source_blocks) == 5);
    for (int i = 7; i >= 3; i--)
        CHECK(get(2 * MIB) == blocks[i]); /* those put there last */
    for (int i = 3; i < 8; i++)
        gk_blocks_release(blocks[i], 2 * MIB);
    void *large = get(11 * MIB); /* more than the limit: is not kept, and the others stay */
    gk_blocks_release(large, 11 * MIB);
    CHECK(gk_blocks_get_statistics().blocks == 5);
    open_cache(4 * MIB, 64 * KIB); /* lowered */
    CHECK(gk_blocks_get_statistics().blocks == 2 && atomic_load(&source_blocks) == 2);
    open_cache(0, 64 * KIB);
    CHECK(gk_blocks_get_statistics().blocks == 0 && atomic_load(&source_blocks) == 0);
    gk_blocks_release(get(MIB), MIB);
    CHECK(gk_blocks_get_statistics().blocks == 0);

    open_cache((size_t)1 << 30, 64 * KIB);
    for (int i = 0; i < 400; i++)
        blocks[i] = get(64 * KIB);
    for (int i = 0; i < 400; i++)
        gk_blocks_release(blocks[i], 64 * KIB);
    CHECK(gk_blocks_get_statistics().blocks < GK_BLOCKS_MAX);
    CHECK(atomic_load(&source_blocks) == (int64_t)gk_blocks_get_statistics().blocks);
    CHECK(gk_blocks_get_statistics().blocks > GK_BLOCKS_MAX / 2);
    gk_blocks_release(get(1000), 1000);
    CHECK(atomic_load(&source_blocks) == (int64_t)gk_blocks_get_statistics().blocks); /* below min_size */
    close_cache();
}

static void test_age(void)
{
    open_cache(100 * MIB, 0);
    void *a = get(2 * MIB), *b = get(4 * MIB), *c = get(8 * MIB);
    gk_blocks_release(a, 2 * MIB);
    gk_blocks_advance_clock(GK_BLOCKS_MAX_AGE / 2);
    gk_blocks_release(b, 4 * MIB);
    CHECK(gk_blocks_get_statistics().blocks == 2);
    gk_blocks_advance_clock(GK_BLOCKS_MAX_AGE / 2 + GK_SECOND);
    gk_blocks_release(c, 8 * MIB);
    CHECK(gk_blocks_get_statistics().blocks == 2 && gk_blocks_get_statistics().bytes == 12 * MIB);
    gk_blocks_advance_clock(2 * GK_BLOCKS_MAX_AGE);
    gk_blocks_release(get(MIB), MIB);
    CHECK(gk_blocks_get_statistics().bytes == MIB);
    close_cache();
}

/* Lending does not disturb the order or the counts, and lent blocks are as good as others. */
static void test_lending(void)
{
    enum { N = 6, SIZE = 30 * MIB };
    char *blocks[N];
    open_cache((size_t)1 << 30, 0);
    for (int i = 0; i < N; i++) {
        blocks[i] = get(SIZE);
        memset(blocks[i], i, SIZE);
    }
    for (int i = 0; i < N; i++)
        gk_blocks_release(blocks[i], SIZE);
    CHECK(gk_blocks_get_statistics().blocks == N && gk_blocks_get_statistics().bytes == N * (size_t)SIZE);
    for (int i = N - 1; i >= 0; i--) {
        char *block = get(SIZE);
        CHECK(block == blocks[i]);
        for (int j = 0; j < SIZE; j += 1000)
            CHECK(block[j] == i || block[j] == 0);
        memset(block, 9, SIZE);
        CHECK(block[0] == 9 && block[SIZE - 1] == 9 && block[SIZE / 2] == 9);
    }
    for (int i = 0; i < N; i++)
        gk_blocks_release(blocks[i], SIZE);
    gk_blocks_advance_clock(2 * GK_BLOCKS_MAX_AGE);
    gk_blocks_release(get(MIB), MIB);
    CHECK(gk_blocks_get_statistics().blocks == 1);
    close_cache();
}

static void test_wrong_sizes(void)
{
    open_cache(100 * MIB, 0);
    gk_blocks_release(get(4 * MIB), 0); /* is not kept */
    CHECK(gk_blocks_get_statistics().blocks == 0 && atomic_load(&source_blocks) == 0);
    gk_blocks_release(get(4 * MIB), SIZE_MAX);
    CHECK(gk_blocks_get_statistics().bytes == 4 * MIB);
    void *foreign = source_allocate(&source_blocks, 4 * MIB); /* did not come through the cache */
    gk_blocks_release(foreign, 4 * MIB);
    CHECK(gk_blocks_get_statistics().bytes == 4 * MIB);
    gk_blocks_release(NULL, 4 * MIB);
    gk_blocks_release(NULL, 0);
    /* Released to the source directly. Later its address may belong to a shorter block. */
    char *stolen = get(2 * MIB);
    source_release(&source_blocks, stolen, 2 * MIB);
    for (int i = 0; i < 100; i++) {
        char *block = get(2 * MIB + 4096 * (size_t)i);
        memset(block, 1, 2 * MIB + 4096 * (size_t)i);
        block = gk_blocks_reallocate(block, 3 * MIB);
        memset(block, 1, 3 * MIB);
        gk_blocks_release(block, 3 * MIB);
    }
    close_cache();
}

static void test_close_with_blocks_in_use(void)
{
    open_cache(100 * MIB, 0);
    char *a = get(4 * MIB), *b = get(4 * MIB), *c = get(4 * MIB);
    gk_blocks_release(a, 4 * MIB);
    gk_blocks_close();
    CHECK(atomic_load(&source_blocks) == 2);
    gk_blocks_release(b, 4 * MIB);
    CHECK(atomic_load(&source_blocks) == 1);
    open_cache(100 * MIB, 0);
    gk_blocks_release(c, 4 * MIB); /* of the time before: goes to the source */
    CHECK(gk_blocks_get_statistics().blocks == 0 && atomic_load(&source_blocks) == 0);
    close_cache();
    char *d = gk_blocks_allocate(4 * MIB, 1); /* all functions work while it is closed */
    d = gk_blocks_reallocate(d, 5 * MIB);
    CHECK(d[0] == 0 && d[4 * MIB - 1] == 0);
    gk_blocks_release(d, 5 * MIB);
    CHECK(atomic_load(&source_blocks) == 0);
}

static void test_exhaustion(void)
{
    open_cache(100 * MIB, 0);
    void *a = get(4 * MIB), *b = get(2 * MIB), *keep = get(8 * MIB);
    memset(keep, 5, 8 * MIB);
    gk_blocks_release(a, 4 * MIB);
    gk_blocks_release(b, 2 * MIB);
    atomic_store(&source_room, 0);
    a = get(16 * MIB); /* the source has no more, until it gets the two back */
    CHECK(a != NULL && gk_blocks_get_statistics().blocks == 0);
    atomic_store(&source_room, 0);
    CHECK(get(16 * MIB) == NULL && gk_blocks_allocate(16 * MIB, 1) == NULL);
    CHECK(gk_blocks_reallocate(keep, 20 * MIB) == NULL);
    for (int i = 0; i < 8 * MIB; i++)
        CHECK(((char *)keep)[i] == 5);
    gk_blocks_release(a, 16 * MIB); /* kept; the source still has no room */
    CHECK(gk_blocks_get_statistics().blocks == 1);
    keep = gk_blocks_reallocate(keep, 20 * MIB); /* after that was given back */
    CHECK(keep != NULL && gk_blocks_get_statistics().blocks == 0);
    for (int i = 0; i < 8 * MIB; i++)
        CHECK(((char *)keep)[i] == 5);
    atomic_store(&source_room, INT64_MAX);
    gk_blocks_release(keep, 20 * MIB);
    CHECK(gk_blocks_get_statistics().blocks == 1); /* its new size is known */
    close_cache();
}

/* ---- Threads ---- */

enum { PLACES = 6 };

/* Marks the block as this thread's, and sees later that no other thread wrote to it. */
static void mark(unsigned char *block, size_t size, unsigned char value)
{
    for (size_t i = 0; i < size; i += 997)
        block[i] = value;
    block[size - 1] = value;
}

static void check_mark(const unsigned char *block, size_t size, unsigned char value)
{
    for (size_t i = 0; i < size; i += 997)
        CHECK(block[i] == value);
    CHECK(block[size - 1] == value);
}

static void use_blocks(int me, void *unused)
{
    unsigned char *blocks[PLACES] = {NULL};
    size_t sizes[PLACES] = {0};
    (void)unused;
    for (int step = 0; step < rounds(2000); step++) {
        int i = (int)random_below(PLACES);
        unsigned char value = (unsigned char)(1 + me * PLACES + i);
        if (blocks[i] == NULL) {
            int zeroed = (int)random_below(3) == 0;
            sizes[i] = 1 + random_below(random_below(4) == 0 ? 600 * KIB : 80 * KIB);
            blocks[i] = gk_blocks_allocate(sizes[i], zeroed);
            CHECK(blocks[i] != NULL);
            if (zeroed)
                check_mark(blocks[i], sizes[i], 0);
            mark(blocks[i], sizes[i], value);
        } else if (random_below(4) == 0) {
            size_t old = sizes[i], least;
            check_mark(blocks[i], old, value);
            sizes[i] = 1 + random_below(200 * KIB);
            blocks[i] = gk_blocks_reallocate(blocks[i], sizes[i]);
            CHECK(blocks[i] != NULL);
            least = old < sizes[i] ? old : sizes[i];
            for (size_t j = 0; j < least; j += 997)
                CHECK(blocks[i][j] == value);
            mark(blocks[i], sizes[i], value);
        } else {
            check_mark(blocks[i], sizes[i], value);
            gk_blocks_release(blocks[i], sizes[i]);
            blocks[i] = NULL;
        }
        if (me == 0 && step % 100 == 50)
            gk_blocks_trim();
        if (me == 1 && step % 200 == 20)
            open_cache(random_below(2) ? 2 * MIB : 4 * MIB, 20 * KIB);
        if (me == 1 && step % 200 == 120)
            gk_blocks_close();
        if (me == 2 && step % 50 == 20)
            gk_blocks_advance_clock(GK_BLOCKS_MAX_AGE);
        CHECK(gk_blocks_get_statistics().blocks <= GK_BLOCKS_MAX);
    }
    for (int i = 0; i < PLACES; i++)
        gk_blocks_release(blocks[i], sizes[i]);
}

static void test_threads(void)
{
    open_cache(4 * MIB, 20 * KIB);
    thread_group(4, use_blocks, NULL);
    close_cache();
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(3);
    CHECK(gk_blocks_default_limit() > 0 && gk_blocks_default_limit() <= (size_t)1 << 30);
    test_reuse();
    test_best_fit();
    test_rounding();
    test_zeroed();
    test_limits();
    test_age();
    test_lending();
    test_wrong_sizes();
    test_close_with_blocks_in_use();
    test_exhaustion();
    test_threads();
    CHECK(gk_pool_stop());
    return 0;
}
