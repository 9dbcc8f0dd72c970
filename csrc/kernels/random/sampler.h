/* Draws items that take varying numbers of words: distributions that reject some candidates.
 *
 * The items are those that a loop over the stream draws one after the other, as NumPy does. An
 * attempt begins with one unit of the stream, usually takes no more than that, and usually yields
 * an item. Where an attempt begins depends on all attempts before it. However, a reader that begins
 * in the middle of the stream soon meets the attempts of a reader that began at its start: as soon
 * as both begin an attempt at the same unit, they agree from there on. So each piece of the stream
 * is read as if an attempt began there. The few pieces that the attempts of the piece before reach
 * into are corrected afterwards, and the items of all pieces are joined.
 */
#ifndef GK_SAMPLER_H
#define GK_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/random/philox.h"
#include "runtime/parallel.h"

typedef struct gk_reader gk_reader;
typedef struct gk_sampler gk_sampler;

struct gk_sampler {
    gk_philox philox;
    gk_philox_form form; /* of the units: unsigned integers */
    size_t unit, size;   /* bytes of a unit and of an item */
    double rejected; /* the share of units without an item of their own */

    /* Makes items from the first *n units: one or none from each. Stops before an attempt that it
     * cannot decide. Sets *n to the number of units used, and returns the number of items. May
     * write to any of the first *n items. */
    int64_t (*accept)(const gk_sampler *s, const void *units, int64_t *n, void *items);

    /* Decides about the attempt at unit *at, where accept() has stopped. Sets *at to the unit after
     * it, and returns whether it has yielded an item. */
    bool (*decide)(gk_reader *r, uint64_t *at, void *item);

    /* Makes the result from n items, which may be in the same memory. NULL: they are the result. */
    void (*finish)(const gk_sampler *s, const void *items, int64_t n, void *out);
    double loc, scale; /* for finish() */
    uint64_t low, range, threshold; /* for integers */
    bool often; /* for integers: whether units are often rejected */
};

/* Unit number `at` of the stream. */
uint64_t gk_reader_unit(gk_reader *r, uint64_t at);

/* Fills out[0..n). */
int gk_sample(const gk_sampler *s, void *out, int64_t n, const gk_options *options);

#endif
