/* The hazard: a helper enters a region whose caller is about to return, and works on a
 * dead stack frame. Several callers run many short regions and reuse one another's slots;
 * each region's data is overwritten as soon as it returns. */
#include <stdatomic.h>

#include "check.h"
#include "thread_group.h"
#include "runtime/parallel.h"
#include "stress.h"

enum { CHUNKS = 12, MAGIC = 0x5eed };

struct frame {
    _Atomic int magic, body_runs;
    int seen[CHUNKS]; /* plain, so ThreadSanitizer checks that writes are ordered before reads */
};

static void touch(int64_t begin, int64_t end, void *data)
{
    struct frame *frame = data;
    CHECK(atomic_load(&frame->magic) == MAGIC);
    for (int64_t i = begin; i < end; i++)
        frame->seen[i]++;
    atomic_fetch_add(&frame->body_runs, 1);
    CHECK(atomic_load(&frame->magic) == MAGIC);
}

static void call(int times)
{
    for (int i = 0; i < times; i++) {
        struct frame frame = {.magic = MAGIC};
        int64_t n = 1 + random_below(CHUNKS);
        gk_options options = {.grain = 1, .threads = 1 + (int)random_below(4), .eager = random_below(8) == 0};
        CHECK(gk_parallel_for(n, touch, &frame, &options) == GK_OK);
        CHECK(atomic_load(&frame.body_runs) == n);
        for (int64_t k = 0; k < CHUNKS; k++)
            CHECK(frame.seen[k] == (k < n));
        atomic_store(&frame.magic, 0);
    }
}

static void caller(int i, void *times)
{
    (void)i;
    call(*(int *)times);
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(4);
    int many = rounds(10000), some = rounds(500);
    thread_group(1, caller, &many);
    thread_group(3, caller, &many);
    thread_group(60, caller, &some); /* more than there are slots */
    CHECK(gk_pool_stop());
    return 0;
}
