/* gk_uniform draws the same numbers for every instruction set and length, and floats and
 * doubles come from the same words. (The tests in Python compare the words with NumPy's.) */
#include "base/isa.h"
#include "check.h"
#include "kernels/random/uniform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    enum { MOST = 70001 };
    double *first = malloc(MOST * sizeof *first), *again = malloc(MOST * sizeof *again);
    float *floats = malloc(2 * MOST * sizeof *floats);
    CHECK(first != NULL && again != NULL && floats != NULL);
    const uint64_t key[2] = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)};
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int64_t n = 0; n <= MOST; n = n * 3 + 1) {
            memset(again, 0, MOST * sizeof *again);
            CHECK(gk_uniform_float64(again, n, key, NULL) == GK_OK);
            if (level == 0 && n == 0)
                CHECK(gk_uniform_float64(first, MOST, key, NULL) == GK_OK);
            CHECK(memcmp(first, again, (size_t)n * sizeof *first) == 0);
            CHECK(n == MOST || again[n] == 0);
        }
        /* A float is the leading 24 bits of a half word; for the second of each pair these
         * are also the leading bits of the whole word. */
        CHECK(gk_uniform_float32(floats, 2 * MOST, key, NULL) == GK_OK);
        for (int i = 0; i < MOST; i++) {
            CHECK(floats[2 * i] >= 0 && floats[2 * i] < 1);
            CHECK(floats[2 * i + 1] == (float)(int64_t)(first[i] * 0x1p24) * 0x1p-24f);
        }
    }
    free(first);
    free(again);
    free(floats);
    gk_pool_stop();
    puts("uniform: ok");
    return 0;
}
