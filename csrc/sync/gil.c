#include "sync/gil.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cores.h"

/* How often the GIL was released for a wait, and that number at the last signal. While
 * both are equal, the signaller still holds the GIL. */
static struct {
    _Alignas(GK_CACHE_LINE) _Atomic uint32_t freed;
    _Atomic uint32_t signalled;
    _Atomic int core;      /* of the signaller; gk_current_cpu() */
    _Atomic int64_t taken; /* until this time, one thread is waiting for the release */
} gil = {1, 0, -1, 0};

void gk_gil_signalling(void)
{
    uint32_t freed = atomic_load_explicit(&gil.freed, memory_order_relaxed);
    atomic_store_explicit(&gil.core, gk_current_cpu(), memory_order_relaxed);
    atomic_store_explicit(&gil.signalled, freed, memory_order_relaxed);
}

void gk_gil_freed(void)
{
    atomic_fetch_add_explicit(&gil.freed, 1, memory_order_relaxed);
}

static int signaller_holds_it(void)
{
    return atomic_load_explicit(&gil.signalled, memory_order_relaxed) ==
           atomic_load_explicit(&gil.freed, memory_order_relaxed);
}

void gk_gil_await(void)
{
    if (!signaller_holds_it())
        return;
    int here = gk_current_cpu();
    if (here >= 0 && here == atomic_load_explicit(&gil.core, memory_order_relaxed))
        return; /* the signaller cannot run until this thread sleeps */
    /* Only one thread can get the GIL next. (A flag instead of a time would stay set in
     * a child that is forked meanwhile.) */
    int64_t now = gk_now(), taken = atomic_load_explicit(&gil.taken, memory_order_relaxed);
    if (now < taken || !atomic_compare_exchange_strong_explicit(&gil.taken, &taken, now + GK_GIL_GRACE,
                                                                memory_order_relaxed, memory_order_relaxed))
        return;
    do
        gk_cpu_relax();
    while (signaller_holds_it() && gk_now() < now + GK_GIL_GRACE);
    atomic_store_explicit(&gil.taken, 0, memory_order_relaxed);
}
