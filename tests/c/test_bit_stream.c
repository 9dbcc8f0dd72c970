/* A stream that jumps gives what one that draws each word gives, for every generator and instruction set. (The tests in
 * Python compare the words with NumPy's.) */
#include "base/isa.h"
#include "check.h"
#include "kernels/random/bit_stream.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 3000 };

static void start(gk_bit_stream *stream, gk_bit_generator generator, int position)
{
    if (generator != GK_MT19937) {
        gk_wide state = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)};
        gk_stream_start_pcg64(stream, generator, state, (gk_wide){UINT64_C(0xf0f0), UINT64_MAX}, position % 2, 7);
        return;
    }
    uint32_t key[GK_MERSENNE_WORDS];
    for (int i = 0; i < GK_MERSENNE_WORDS; i++)
        key[i] = (uint32_t)i * UINT32_C(2654435761) + 1;
    gk_stream_start_mersenne(stream, key, position);
}

static void test_advance(gk_bit_generator generator, int position)
{
    static const int steps[] = {0, 1, 2, 3, 63, 64, 622, 623, 624, 625, 1247, 1248, 1249, 2999};
    gk_bit_stream drawn, passed;
    start(&drawn, generator, position);
    start(&passed, generator, position);
    gk_stream_functions of = gk_stream_functions_of(&drawn);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        for (int i = 0; i < steps[k]; i++)
            generator == GK_MT19937 ? (void)of.uint32(&drawn) : (void)of.uint64(&drawn);
        gk_stream_advance(&passed, steps[k]);
        CHECK(gk_stream_position(&drawn) == gk_stream_position(&passed));
        CHECK(memcmp(&drawn.state, &passed.state, sizeof drawn.state) == 0);
        CHECK(drawn.next == passed.next && memcmp(drawn.key, passed.key, sizeof drawn.key) == 0);
        CHECK(of.uint64(&drawn) == of.uint64(&passed));
        CHECK(of.float64(&drawn) == of.float64(&passed));
    }
}

static void test_doubles(gk_bit_generator generator, int position)
{
    static double one_by_one[MOST], together[MOST + 1];
    gk_bit_stream single, many;
    start(&single, generator, position);
    gk_stream_functions of = gk_stream_functions_of(&single);
    for (int i = 0; i < MOST; i++)
        one_by_one[i] = of.float64(&single);
    for (int n = 0; n <= MOST; n = n < 20 ? n + 1 : n * 2 + 1) {
        start(&many, generator, position);
        together[n] = -1;
        gk_stream_doubles(&many, together, n);
        CHECK(memcmp(together, one_by_one, (size_t)n * sizeof *together) == 0 && together[n] == -1);
        CHECK(n == MOST || of.float64(&many) == one_by_one[n]);
        CHECK(gk_stream_position(&many) == (n + 1) * (generator == GK_MT19937 ? 2 : 1));
    }
}

static void test_halves(gk_bit_generator generator)
{
    gk_bit_stream stream;
    start(&stream, generator, 1);
    gk_stream_functions of = gk_stream_functions_of(&stream);
    CHECK(of.uint32(&stream) == 7 && gk_stream_position(&stream) == 0);
    gk_bit_stream same = stream;
    uint64_t word = of.uint64(&same);
    CHECK(of.uint32(&stream) == (uint32_t)word);
    gk_stream_advance(&stream, 5);
    CHECK(of.uint32(&stream) == (uint32_t)(word >> 32)); /* what is left stays */
    CHECK(gk_stream_position(&stream) == 6);
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int generator = GK_PCG64; generator <= GK_MT19937; generator++) {
            for (int position = 0; position <= GK_MERSENNE_WORDS; position += position < 3 || position > 620 ? 1 : 309) {
                test_advance((gk_bit_generator)generator, position);
                test_doubles((gk_bit_generator)generator, position);
            }
        }
    }
    test_halves(GK_PCG64);
    test_halves(GK_PCG64DXSM);
    puts("bit streams: ok");
    return 0;
}
