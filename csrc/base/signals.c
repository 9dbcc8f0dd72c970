#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/signals.h"

#include <stddef.h>
#include <string.h>

#ifdef _WIN32

void gk_signal_mask_get(gk_signal_mask *mask)
{
    mask->words[0] = 0;
}

void gk_signal_mask_set(const gk_signal_mask *mask)
{
    (void)mask;
}

void gk_signal_mask_set_internal(gk_signal_mask *before)
{
    (void)before;
}

#else

#  include <signal.h>

_Static_assert(sizeof(sigset_t) <= sizeof(gk_signal_mask), "a mask has room");

void gk_signal_mask_get(gk_signal_mask *mask)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    memcpy(mask, &set, sizeof set);
}

void gk_signal_mask_set(const gk_signal_mask *mask)
{
    sigset_t set;
    memcpy(&set, mask, sizeof set);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
}

void gk_signal_mask_set_internal(gk_signal_mask *before)
{
    static const int never[] = {
        SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGSEGV, SIGSYS, SIGTRAP,
#  ifdef SIGEMT
        SIGEMT,
#  endif
#  ifdef SIGSTKFLT
        SIGSTKFLT,
#  endif
    };
    sigset_t mask, set;
    sigfillset(&mask);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        sigdelset(&mask, never[i]);
    pthread_sigmask(SIG_SETMASK, &mask, &set);
    if (before != NULL)
        memcpy(before, &set, sizeof set);
}

#endif
