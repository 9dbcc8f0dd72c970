/* gk_pi: the generator's published test vectors, the definition of the result, and the
 * same count for every instruction set and number of threads. */
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/demo/pi.h"

/* kat_vectors of Random123, "philox4x32 10". */
static void test_known_answers(void)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        gk_philox4x32(known[i].counter, known[i].key, out);
        CHECK(memcmp(out, known[i].out, sizeof out) == 0);
    }
}

static uint64_t inside_of_block(uint64_t block, uint64_t seed, int points)
{
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t word[4];
    gk_philox4x32(counter, key, word);
    uint64_t inside = 0;
    for (int p = 0; p < points; p++) {
        uint64_t x = word[2 * p] >> 1, y = word[2 * p + 1] >> 1;
        inside += x * x + y * y < UINT64_C(1) << 62;
    }
    return inside;
}

static const uint64_t seeds[] = {0, 1, 0xfedcba9876543210, UINT64_MAX};
enum { SEEDS = sizeof seeds / sizeof *seeds };

static uint64_t pi_inside(uint64_t samples, uint64_t seed, int threads)
{
    gk_options options = {.threads = threads};
    uint64_t inside = UINT64_MAX;
    CHECK(gk_pi(0, samples, seed, &options, &inside) == GK_OK);
    return inside;
}

/* Ranges add up to the whole, wherever they begin and end. */
static void test_ranges(uint64_t expected, uint64_t samples)
{
    static const uint64_t cuts[] = {0, 1, 2, 3, 4, 7, 65535, 65536, 65537, 131072, 300001, 300001, 999998};
    enum { CUTS = sizeof cuts / sizeof *cuts };
    uint64_t sum = 0;
    for (int i = 0; i < CUTS; i++) {
        uint64_t inside, end = i + 1 < CUTS ? cuts[i + 1] : samples;
        CHECK(gk_pi(cuts[i], end, seeds[0], &(gk_options){.threads = 1 + i % 3}, &inside) == GK_OK);
        CHECK(inside <= end - cuts[i]);
        sum += inside;
    }
    CHECK(sum == expected);
}

/* Every size up to a few vectors, to compare each single point. */
static void test_definition(void)
{
    for (int s = 0; s < SEEDS; s++) {
        uint64_t expected = 0;
        for (uint64_t block = 0; block < 100; block++) {
            CHECK(pi_inside(2 * block + 1, seeds[s], 1) == expected + inside_of_block(block, seeds[s], 1));
            expected += inside_of_block(block, seeds[s], 2);
            CHECK(pi_inside(2 * block + 2, seeds[s], 1) == expected);
        }
    }
}

/* Counters beyond 32 bits, which would take too long to reach by counting. */
static void test_high_counters(void)
{
    static const uint64_t starts[] = {(UINT64_C(1) << 32) - 100, UINT64_C(1) << 32, (UINT64_C(1) << 62) - 100};
    for (int s = 0; s < SEEDS; s++)
        for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
            uint64_t expected = 0;
            for (uint64_t block = starts[i]; block < starts[i] + 100; block++) {
                expected += 2 - inside_of_block(block, seeds[s], 2);
                CHECK(gk_pi_outside(starts[i], block + 1, seeds[s]) == expected);
            }
        }
}

static void test_threads(const uint64_t expected[SEEDS], uint64_t samples)
{
    static const int threads[] = {1, 2, 3, 8, 64};
    for (int s = 0; s < SEEDS; s++)
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
            CHECK(pi_inside(samples, seeds[s], threads[t]) == expected[s]);
}

static void test_cancelled(void)
{
    gk_cancel_token token = {0};
    gk_cancel_token_set(&token, GK_CANCELLED);
    gk_options options = {.token = &token};
    uint64_t inside = 7;
    CHECK(gk_pi(0, UINT64_C(1) << 63, 0, &options, &inside) == GK_CANCELLED);
    CHECK(inside == 7);
}

int main(void)
{
    enum { SAMPLES = 1000001 };
    uint64_t expected[SEEDS] = {0};
    for (int s = 0; s < SEEDS; s++) {
        for (uint64_t block = 0; block < SAMPLES / 2; block++)
            expected[s] += inside_of_block(block, seeds[s], 2);
        expected[s] += inside_of_block(SAMPLES / 2, seeds[s], SAMPLES % 2);
        double pi = 4.0 * (double)expected[s] / SAMPLES;
        CHECK(3.13 < pi && pi < 3.15); /* 6 standard deviations */
    }
    test_known_answers();
    for (int level = GK_ISA_SCALAR; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        test_definition();
        test_high_counters();
        test_threads(expected, SAMPLES);
        test_ranges(expected[0], SAMPLES);
    }
    test_cancelled();
    return 0;
}
