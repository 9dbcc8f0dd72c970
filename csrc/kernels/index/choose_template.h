/* The choice between contiguous items, included by base/foreach_isa.h for each instruction set. */

#define CHOOSE(bits)                                                                                       \
    static TARGET void NAME(choose_##bits)(const void *condition, const void *x, const void *y, void *chosen, \
                                           int64_t n)                                                      \
    {                                                                                                      \
        const uint8_t *GK_RESTRICT c = condition;                                                          \
        const uint##bits##_t *GK_RESTRICT a = x, *GK_RESTRICT b = y;                                       \
        uint##bits##_t *GK_RESTRICT out = chosen;                                                          \
        for (int64_t i = 0; i < n; i++)                                                                    \
            out[i] = c[i] != 0 ? a[i] : b[i];                                                              \
    }

CHOOSE(8)
CHOOSE(16)
CHOOSE(32)
CHOOSE(64)
#undef CHOOSE
