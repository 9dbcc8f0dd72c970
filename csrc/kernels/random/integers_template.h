/* Integers from the units of a stream, for one instruction set.
 *
 * The high half of unit * range is uniform, except that some results have one unit more than
 * others. Those units are rejected: their products have a low half below the threshold. */

/* unit, wide: unsigned types, the second with twice the bits; item: unsigned, of the results. */
#define INTEGERS(name, unit, wide, item)                                                            \
    TARGET static int64_t NAME(name)(const gk_sampler *s, const void *units, int64_t *n, void *out) \
    {                                                                                               \
        const unit *GK_RESTRICT u = units;                                                          \
        item *GK_RESTRICT items = out;                                                              \
        const unit last = (unit)(s->range - 1); /* the range itself may need a bit more */          \
        const unit threshold = (unit)s->threshold;                                                  \
        const item low = (item)s->low;                                                              \
        const int64_t all = *n;                                                                     \
        const int shift = 8 * (int)sizeof(unit);                                                    \
        int64_t count = 0;                                                                          \
        if (!s->often) {                                                                            \
            unit any = 0;                                                                           \
            for (int64_t i = 0; i < all; i++) {                                                     \
                wide product = (wide)((wide)u[i] * last + u[i]);                                    \
                items[i] = (item)(low + (item)(product >> shift));                                  \
                any |= (unit)((unit)product < threshold);                                           \
            }                                                                                       \
            if (!any)                                                                               \
                return all;                                                                         \
        }                                                                                           \
        for (int64_t i = 0; i < all; i++) {                                                         \
            wide product = (wide)((wide)u[i] * last + u[i]);                                        \
            items[count] = (item)(low + (item)(product >> shift));                                  \
            count += (unit)product >= threshold;                                                    \
        }                                                                                           \
        return count;                                                                               \
    }

INTEGERS(integers8, uint8_t, uint32_t, uint8_t)
INTEGERS(integers16, uint16_t, uint32_t, uint16_t)
INTEGERS(integers32, uint32_t, uint64_t, uint32_t)
INTEGERS(integers32_to_64, uint32_t, uint64_t, uint64_t)

#undef INTEGERS
