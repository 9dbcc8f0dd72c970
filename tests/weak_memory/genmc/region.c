/* A region from gk_publish() to gk_retire(), and a helper; then the next region in the same slot. */
#include "slots_stubs.h"

static gk_region region;
static int result;

static void *help(void *argument)
{
    gk_region *r = gk_join(0);
    if (r != NULL) {
        assert(r->n == 1 || r->n == 2);
        if (r->n == 1)
            result = 1;
        gk_leave(0);
    }
    return ended();
}

int main(void)
{
    pthread_t helper;
    gk_self.preferred_slot = 1;
    region.threads = 3; /* with room for two, so that no bit is settled, which would order more */
    region.n = 1;
    region.counted = 1;
    pthread_create(&helper, NULL, help, NULL);
    gk_publish(&region);
    gk_retire(&region);
    result = 2;
    region.n = 2; /* the next one is at the same address, as on a stack */
    region.counted = 1;
    gk_publish(&region);
    gk_retire(&region);
    region.n = 3;
    ended();
    assert(work_mask == 0 && result == 2);
    return 0;
}
