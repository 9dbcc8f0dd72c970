/* A helper gives its place back just as the caller sets its region aside. */
#include "slots_stubs.h"

static gk_region region;
static int result;

static void *help(void *argument)
{
    if (gk_join(0) != NULL) {
        result = 1;
        gk_give_back(0);
    }
    return argument;
}

int main(void)
{
    pthread_t helper;
    gk_self.preferred_slot = 1;
    region.threads = 2;
    pthread_create(&helper, NULL, help, NULL);
    gk_publish(&region);
    end_sharing(&region);
    result = 2;
    pthread_join(helper, NULL);
    assert(work_mask == 0);
    return 0;
}
