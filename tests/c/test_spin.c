/* gk_spin: the parity of the number of steps, however they are distributed. */
#include <stdint.h>

#include "check.h"
#include "kernels/demo/spin.h"

int main(void)
{
    static const int64_t steps[] = {0, 1, 2, 999, 1000000, 10000001};
    for (int threads = 0; threads <= 8; threads += threads + 1) {
        gk_options options = {.threads = threads};
        for (int i = 0; i < 6; i++) {
            uint64_t x = 77;
            CHECK(gk_spin(steps[i], &options, &x) == GK_OK);
            CHECK(x == (uint64_t)(steps[i] % 2));
        }
    }
    gk_cancel_token token = {0};
    gk_cancel_token_set(&token, GK_CANCELLED);
    gk_options cancelled = {.threads = 2, .token = &token};
    uint64_t x;
    CHECK(gk_spin(INT64_C(1) << 40, &cancelled, &x) == GK_CANCELLED);
    return 0;
}
