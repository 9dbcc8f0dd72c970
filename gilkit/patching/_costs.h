/* Decides whether a call is worth dividing, from the times of earlier calls.
 *
 * Both ways are measured: in nanoseconds per item, for each function, dtype and order of magnitude.
 * A call takes the way that was faster, and from time to time the other one, because both change
 * when another program takes a core or gives it back. Both ways give the same bits.
 */
#ifndef GILKIT_COSTS_H
#define GILKIT_COSTS_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { GK_COST_CLASSES = 12, GK_SMALLEST_CLASS = 12 /* log2 of the items; the largest class has no end */ };

typedef struct {
    _Atomic uint32_t serial, divided; /* the bits of a float; 0: not known */
    _Atomic uint32_t calls;
    _Atomic int32_t trials; /* consecutive trials of the divided way */
    _Atomic int64_t owed;   /* nanoseconds of serial calls before the next trials */
} gk_cost;

typedef struct {
    gk_cost of[GK_COST_CLASSES];
} gk_costs;

enum { GK_SURELY_LARGE = 1 << 18 }; /* items: calls this long are divided from the start */

enum {
    GK_TRIALS = 9,          /* The first one pays for waking workers, which then find the next calls by themselves. */
    GK_TRIALS_IF_LONG = 2,
    GK_SHARE_OF_LOSSES = 32 /* Calls lose at most a 32nd of the time in trials. */
};

typedef enum { GK_SERIAL, GK_SERIAL_MEASURED, GK_DIVIDED } gk_way;

static inline gk_cost *gk_cost_of(gk_costs *costs, int64_t items)
{
    int class = 0;
    for (int64_t left = items >> (GK_SMALLEST_CLASS + 1); left > 0 && class < GK_COST_CLASSES - 1; left >>= 1)
        class++;
    return &costs->of[class];
}

static inline float gk_cost_load(_Atomic uint32_t *of)
{
    float cost;
    uint32_t bits = atomic_load_explicit(of, memory_order_relaxed);
    memcpy(&cost, &bits, sizeof cost);
    return cost;
}

static inline gk_way gk_choose_way(gk_costs *costs, int64_t items)
{
    static const float NEVER = 20e3f;     /* ns: about one wake-up of a worker */
    static const float LONG = 2e6f;       /* ns: of calls longer than this, a program may make only a few */
    enum { WARM_UP = 12 };
    gk_cost *cost = gk_cost_of(costs, items);
    uint32_t calls = atomic_fetch_add_explicit(&cost->calls, 1, memory_order_relaxed);
    float serial = gk_cost_load(&cost->serial), divided = gk_cost_load(&cost->divided), n = (float)items;
    /* The first calls touch cold memory, which would make every other way look quicker. */
    if (items < GK_SURELY_LARGE && (serial == 0 || (calls < WARM_UP && serial * n < LONG / 2)))
        return GK_SERIAL_MEASURED;
    if (serial == 0)
        return calls % 16 == 15 || (calls % 8 == 7 && divided * n < LONG / 2) ? GK_SERIAL_MEASURED : GK_DIVIDED;
    if (serial * n < NEVER)
        return calls < 8 || calls % 64 == 0 ? GK_SERIAL_MEASURED : GK_SERIAL;
    if (atomic_load_explicit(&cost->trials, memory_order_relaxed) > 0) {
        atomic_fetch_sub_explicit(&cost->trials, 1, memory_order_relaxed);
        return GK_DIVIDED;
    }
    int is_long = serial * n >= LONG;
    if (divided != 0 && divided < 0.97f * serial) {
        atomic_store_explicit(&cost->owed, 0, memory_order_relaxed);
        return calls % (is_long ? 256 : 64) == 63 ? GK_SERIAL_MEASURED : GK_DIVIDED;
    }
    int64_t took = (int64_t)(serial * n);
    int owes = atomic_fetch_sub_explicit(&cost->owed, took, memory_order_relaxed) > took;
    if (divided != 0 && (owes || calls % (is_long ? 16 : 128) != 15))
        return calls % 8 == 0 ? GK_SERIAL_MEASURED : GK_SERIAL;
    atomic_store_explicit(&cost->owed, 0, memory_order_relaxed);
    atomic_store_explicit(&cost->trials, is_long ? GK_TRIALS_IF_LONG : GK_TRIALS, memory_order_relaxed);
    return GK_DIVIDED;
}

static inline void gk_learn_cost(gk_costs *costs, int was_divided, int64_t items, int64_t nanoseconds)
{
    static const double MOST_LOST = 10e6; /* ns: about the longest time for which a worker waits for a core */
    if (items <= 0)
        return;
    gk_cost *cost = gk_cost_of(costs, items);
    _Atomic uint32_t *of = was_divided ? &cost->divided : &cost->serial;
    float now = (float)((double)nanoseconds / (double)items), before = gk_cost_load(of);
    double expected = gk_cost_load(&cost->serial) * (double)items, lost = (double)nanoseconds - expected;
    if (was_divided && expected > 0 && lost > 0) {
        /* A loss longer than this, and than 32 calls, comes from outside, such as a stop of the process. To
         * pay it back would keep the function on one thread for minutes. */
        double most = MOST_LOST > 32 * expected ? MOST_LOST : 32 * expected, counted = lost < most ? lost : most;
        atomic_fetch_add_explicit(&cost->owed, (int64_t)(GK_SHARE_OF_LOSSES * counted), memory_order_relaxed);
        /* A worker has probably lost its core in the middle of a part. */
        if (lost > 2 * expected && atomic_load_explicit(&cost->trials, memory_order_relaxed) < GK_TRIALS)
            atomic_store_explicit(&cost->trials, 0, memory_order_relaxed);
    }
    /* A single disturbance must not count much. */
    if (before != 0)
        now = before + ((now < 4 * before ? now : 4 * before) - before) / 4;
    uint32_t bits;
    memcpy(&bits, &now, sizeof bits);
    atomic_store_explicit(of, bits, memory_order_relaxed);
}

#endif
