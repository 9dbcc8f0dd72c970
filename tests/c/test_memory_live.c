/* The hazard: the table of blocks in use loses a block, finds one that was removed, or gives a wrong size. */
#include <stdlib.h>

#include "check.h"
#include "memory/live.h"
#include "stress.h"

enum { ADDRESSES = 3000 };

/* Addresses as an allocator returns them: at equal distances, so that home places collide. */
static void *address(int i)
{
    return (void *)((uintptr_t)0x7f0010 + (uintptr_t)i * (i % 2 == 0 ? 4096 : 65537));
}

int main(void)
{
    time_limit(300);
    gk_live live = {NULL, 0, 0};
    size_t model[ADDRESSES] = {0}, count = 0;
    CHECK(gk_live_size(&live, address(0)) == 0 && gk_live_remove(&live, address(0)) == 0);
    for (int round = 0; round < 3; round++) {
        for (int step = 0; step < rounds(200000); step++) {
            /* First mostly additions, then mostly removals. */
            int i = (int)random_below(ADDRESSES), add = random_below(10) < (step % 20000 < 10000 ? 7u : 3u);
            if (add) {
                size_t size = 1 + random_below(1000000);
                count += model[i] == 0;
                CHECK(gk_live_add(&live, address(i), size));
                model[i] = size;
            } else {
                CHECK(gk_live_size(&live, address(i)) == model[i]);
                CHECK(gk_live_remove(&live, address(i)) == model[i]);
                count -= model[i] != 0;
                model[i] = 0;
            }
            CHECK(live.count == count);
        }
        for (int i = 0; i < ADDRESSES; i++)
            CHECK(model[i] == 0 || gk_live_size(&live, address(i)) == model[i]);
        gk_live_clear(&live);
        for (int i = 0; i < ADDRESSES; i++) {
            model[i] = 0;
            CHECK(gk_live_size(&live, address(i)) == 0);
        }
        count = 0;
    }
    return 0;
}
