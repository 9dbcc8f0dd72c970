/* The state of a thread: the innermost region it works in. */
#include "runtime/region.h"

#include <stddef.h>

GK_THREAD_LOCAL gk_thread_state gk_self;

int gk_participant(void)
{
    return gk_self.participant;
}

int gk_inside(void)
{
    return gk_self.region != NULL;
}
