/* Scratch memory is kept for the next call: one block, up to a limit, whichever threads ask for it. */
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "kernels/array/memory.h"
#include "runtime/parallel.h"

static void check_reuse(void)
{
    char *first = gk_scratch_allocate(1000, 8);
    CHECK(first != NULL && (uintptr_t)first % _Alignof(max_align_t) == 0);
    memset(first, 1, 8000);
    gk_scratch_release(first);
    CHECK(gk_scratch_allocate(500, 8) == first); /* a smaller request takes it, too */
    char *second = gk_scratch_allocate(500, 8);
    CHECK(second != NULL && second != first);
    memset(second, 2, 4000);
    CHECK(first[0] == 1 && first[7999] == 1);
    gk_scratch_release(first);
    gk_scratch_release(second); /* takes the place of the first */
    CHECK(gk_scratch_allocate(4000, 1) == second);
    gk_scratch_release(second);
    char *larger = gk_scratch_allocate(GK_SCRATCH_KEPT, 2);
    CHECK(larger != NULL);
    larger[2 * (int64_t)GK_SCRATCH_KEPT - 1] = 1;
    gk_scratch_release(larger); /* not kept */
    gk_scratch_release(NULL);
    CHECK(gk_scratch_allocate(INT64_C(1) << 60, 16) == NULL && gk_scratch_allocate(INT64_MAX, 1) == NULL);
    void *nothing = gk_scratch_allocate(0, 8);
    CHECK(nothing != NULL);
    gk_scratch_release(nothing);
}

static void use_scratch(int64_t begin, int64_t end, void *data)
{
    int64_t *wrong = data;
    for (int64_t i = begin; i < end; i++) {
        int64_t size = 64 + i % 7 * 100;
        unsigned char *scratch = gk_scratch_allocate(size, 1);
        memset(scratch, (int)(i & 0xff), (size_t)size);
        for (int64_t k = 0; k < size; k++)
            wrong[i] += scratch[k] != (i & 0xff);
        gk_scratch_release(scratch);
    }
}

int main(void)
{
    enum { CALLS = 2000 };
    static int64_t wrong[CALLS];
    check_reuse();
    gk_options options = {.threads = 4, .eager = 1, .grain = 1};
    CHECK(gk_parallel_for(CALLS, use_scratch, wrong, &options) == GK_OK);
    for (int i = 0; i < CALLS; i++)
        CHECK(wrong[i] == 0);
    return 0;
}
