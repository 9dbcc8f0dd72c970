#include "kernels/demo/spin.h"

#include "base/compiler.h"

/* About a millisecond at one iteration per cycle: short enough to balance the load
 * and to be interrupted, long enough to make claiming a chunk free. */
enum { GRAIN = 1 << 21 };

static void spin_chunk(int64_t begin, int64_t end, void *data)
{
    uint64_t x = 0;
    for (int64_t i = begin; i < end; i++) {
        x ^= 1;
        GK_DO_NOT_OPTIMIZE(x); /* otherwise the compiler folds the loop into one exclusive-or */
    }
    /* The result is the parity of the number of steps. Parities of chunks combine in any order. */
    atomic_fetch_xor((_Atomic uint64_t *)data, x);
}

int gk_spin(int64_t iterations, const gk_options *options, uint64_t *x)
{
    _Atomic uint64_t parity = 0;
    gk_options chosen = *options;
    chosen.grain = iterations < 64 * (int64_t)GRAIN ? iterations / 64 + 1 : GRAIN;
    if (chosen.grain < 4096)
        chosen.grain = 4096; /* one microsecond, the shortest chunk worth claiming */
    chosen.eager = iterations > GRAIN;
    int status = gk_parallel_for(iterations, spin_chunk, &parity, &chosen);
    *x = atomic_load(&parity);
    return status;
}
