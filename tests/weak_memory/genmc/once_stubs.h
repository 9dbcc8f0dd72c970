/* pthread_once(), which GenMC does not have. */
#ifndef ONCE_STUBS_H
#define ONCE_STUBS_H

#include "stubs.h"

#undef PTHREAD_ONCE_INIT
#define PTHREAD_ONCE_INIT 0
#define pthread_once_t int
#define pthread_once run_once

static pthread_mutex_t once_lock;

static int run_once(int *done, void (*function)(void))
{
    pthread_mutex_lock(&once_lock);
    if (!*done)
        function();
    *done = 1;
    pthread_mutex_unlock(&once_lock);
    return 0;
}

#endif
