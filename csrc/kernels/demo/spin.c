#include "kernels/demo/spin.h"

#include "base/compiler.h"

/* About a millisecond at one iteration a cycle: short enough to balance and to
 * be interrupted, long enough that a claim costs nothing. */
enum { GRAIN = 1 << 21 };

static void spin_chunk(int64_t begin, int64_t end, void *data)
{
    uint64_t x = 0;
    for (int64_t i = begin; i < end; i++) {
        x ^= 1;
        GK_DO_NOT_OPTIMIZE(x); /* else the loop folds into one exclusive-or */
    }
    /* The loop's value is the parity of its steps; parities of chunks combine
     * in any order. */
    atomic_fetch_xor((_Atomic uint64_t *)data, x);
}

int gk_spin(int64_t iterations, const gk_options *options, uint64_t *x)
{
    _Atomic uint64_t parity = 0;
    gk_options chosen = *options;
    chosen.grain = iterations < 64 * (int64_t)GRAIN ? iterations / 64 + 1 : GRAIN;
    if (chosen.grain < 4096)
        chosen.grain = 4096; /* one microsecond: the least worth a claim */
    chosen.eager = iterations > GRAIN;
    int status = gk_parallel_for(iterations, spin_chunk, &parity, &chosen);
    *x = atomic_load(&parity);
    return status;
}
