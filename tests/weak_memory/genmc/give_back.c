/* A helper leaves its place in the region while the caller retires the region. */
#include "slots_stubs.h"

static gk_region region;

static void *help(void *argument)
{
    if (gk_join(0) != NULL)
        gk_give_back(0);
    return ended();
}

int main(void)
{
    pthread_t helper;
    gk_self.preferred_slot = 1;
    region.threads = 2;
    pthread_create(&helper, NULL, help, NULL);
    gk_publish(&region);
    gk_retire(&region);
    ended();
    pthread_join(helper, NULL);
    assert(work_mask == 0);
    return 0;
}
