/* Random numbers are the same for any number of threads and every instruction set, in memory of
 * exactly the right size. Permutations have every item once. A call that ends early leaves the
 * items of a shuffle as they were. (The tests in Python compare the numbers with NumPy's.) */
#include "base/isa.h"
#include "check.h"
#include "kernels/random/integers.h"
#include "kernels/random/shuffle.h"
#include "kernels/random/ziggurat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t key[2] = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)};

enum { MOST = 70001, KINDS = 9 };

/* Writes n items of some kind to `out` and returns their size. */
static size_t fill(int kind, void *out, int64_t n, const gk_options *options)
{
    switch (kind) {
    case 0:
        CHECK(gk_normal_float64(out, n, 1, 2, key, options) == GK_OK);
        return 8;
    case 1:
        CHECK(gk_normal_float32(out, n, 1, 2, key, options) == GK_OK);
        return 4;
    case 2:
        CHECK(gk_exponential_float64(out, n, 3, key, options) == GK_OK);
        return 8;
    case 3:
        CHECK(gk_exponential_float32(out, n, 3, key, options) == GK_OK);
        return 4;
    case 4: /* a third of the units are rejected */
        CHECK(gk_integers(out, n, 1, 200, 170, key, options) == GK_OK);
        return 1;
    case 5:
        CHECK(gk_integers(out, n, 2, 0, 40000, key, options) == GK_OK);
        return 2;
    case 6: /* some units are rejected */
        CHECK(gk_integers(out, n, 4, 7, 999999, key, options) == GK_OK);
        return 4;
    case 7:
        CHECK(gk_integers(out, n, 8, 7, UINT64_C(1) << 63, key, options) == GK_OK);
        return 8;
    default:
        CHECK(gk_integers(out, n, 8, 0, UINT64_MAX, key, options) == GK_OK);
        return 8;
    }
}

static void test_numbers(void)
{
    char *expected = malloc(MOST * 8);
    CHECK(expected != NULL);
    for (int kind = 0; kind < KINDS; kind++) {
        CHECK(gk_set_isa(GK_ISA_SCALAR) == 0);
        size_t size = fill(kind, expected, MOST, &(gk_options){.threads = 1});
        for (int level = 0; level <= (int)gk_isa_best(); level++) {
            CHECK(gk_set_isa((gk_isa_level)level) == 0);
            for (int64_t n = 0; n <= MOST; n = n < 1000 ? n * 3 + 1 : n < 20000 ? n * 2 + 1 : n < MOST ? MOST : MOST + 1) {
                for (int threads = 1; threads <= 4; threads += 1 + (threads > 1)) {
                    char *got = malloc((size_t)n * size + (n == 0)); /* exactly, for AddressSanitizer */
                    CHECK(got != NULL);
                    fill(kind, got, n, &(gk_options){.threads = threads});
                    CHECK(memcmp(got, expected, (size_t)n * size) == 0);
                    free(got);
                }
            }
        }
    }
    free(expected);
}

static void test_permutations(void)
{
    static const int sizes[] = {1, 2, 4, 8, 16};
    char *seen = malloc(MOST);
    int64_t *places = malloc(MOST * sizeof *places);
    CHECK(seen != NULL && places != NULL);
    for (int64_t n = 0; n <= MOST; n = n < 10 ? n + 1 : n < 20000 ? n * 4 : n < MOST ? MOST : MOST + 1) {
        CHECK(gk_permutation(NULL, places, n, 8, key, &(gk_options){.threads = 3}) == GK_OK);
        memset(seen, 0, MOST);
        for (int64_t i = 0; i < n; i++) {
            CHECK(places[i] >= 0 && places[i] < n && !seen[places[i]]);
            seen[places[i]] = 1;
        }
        for (int k = 0; k < 5; k++) {
            size_t size = (size_t)sizes[k];
            unsigned char *items = malloc((size_t)n * size + (n == 0)), *got = malloc((size_t)n * size + (n == 0));
            CHECK(items != NULL && got != NULL);
            for (size_t i = 0; i < (size_t)n * size; i++)
                items[i] = (unsigned char)(i * 31 + i / 999);
            CHECK(gk_permutation(items, got, n, sizes[k], key, &(gk_options){.threads = 2}) == GK_OK);
            for (int64_t i = 0; i < n; i++)
                CHECK(memcmp(got + (size_t)i * size, items + (size_t)places[i] * size, size) == 0);
            CHECK(gk_shuffle(items, n, sizes[k], key, &(gk_options){.threads = 4}) == GK_OK);
            CHECK(memcmp(items, got, (size_t)n * size) == 0);
            free(items);
            free(got);
        }
    }
    free(seen);
    free(places);
}

static int polls, polls_until_end;

static int poll(void *context)
{
    (void)context;
    return ++polls >= polls_until_end;
}

static void test_ending_early(void)
{
    enum { MANY = 1 << 22 };
    int64_t *items = malloc(MANY * sizeof *items);
    CHECK(items != NULL);
    int ended = 0;
    for (polls_until_end = 1; polls_until_end < 40; polls_until_end += polls_until_end / 2 + 1) {
        for (int64_t i = 0; i < MANY; i++)
            items[i] = i;
        polls = 0;
        int status = gk_shuffle(items, MANY, 8, key, &(gk_options){.threads = 2, .poll = poll});
        CHECK(status == GK_OK || status == GK_INTERRUPTED);
        ended += status != GK_OK;
        for (int64_t i = 0; status != GK_OK && i < MANY; i++)
            CHECK(items[i] == i);
        polls = 0;
        status = gk_normal_float64((double *)items, MANY, 0, 1, key, &(gk_options){.threads = 2, .poll = poll});
        CHECK(status == GK_OK || status == GK_INTERRUPTED);
    }
    printf("random: %d shuffles ended early\n", ended);
    free(items);
}

int main(void)
{
    test_numbers();
    test_permutations();
    test_ending_early();
    gk_pool_stop();
    puts("random: ok");
    return 0;
}
