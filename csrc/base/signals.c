#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/signals.h"

#include <stddef.h>

#ifdef _WIN32

void gk_signal_mask_get(gk_signal_mask *mask)
{
    mask->unused = 0;
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

void gk_signal_mask_get(gk_signal_mask *mask)
{
    pthread_sigmask(SIG_SETMASK, NULL, mask);
}

void gk_signal_mask_set(const gk_signal_mask *mask)
{
    pthread_sigmask(SIG_SETMASK, mask, NULL);
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
    sigset_t mask;
    sigfillset(&mask);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        sigdelset(&mask, never[i]);
    pthread_sigmask(SIG_SETMASK, &mask, before);
}

#endif
