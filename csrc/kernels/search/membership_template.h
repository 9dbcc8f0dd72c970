/* Compares each item with every one of a few elements, included by base/foreach_isa.h for each instruction set. Compilers
 * vectorise these loops. NaN equals nothing, and zeros of both signs are equal, as the comparison says. */
#define AMONG_FEW(bits, type)                                                                                        \
    static TARGET void NAME(among_few_##type)(const void *items, int64_t n, const void *elements, int64_t m,         \
                                              uint8_t inverted, uint8_t *GK_RESTRICT found)                          \
    {                                                                                                                \
        const type *x = items;                                                                                       \
        type few[FEW];                                                                                               \
        memcpy(few, elements, (size_t)m * sizeof *few);                                                              \
        int64_t i = 0;                                                                                               \
        for (; i + BLOCK <= n; i += BLOCK) {                                                                         \
            uint##bits##_t equal[BLOCK] = {0};                                                                       \
            for (int64_t k = 0; k < m; k++)                                                                          \
                for (int j = 0; j < BLOCK; j++)                                                                      \
                    equal[j] |= x[i + j] == few[k] ? ~(uint##bits##_t)0 : 0;                                         \
            for (int j = 0; j < BLOCK; j++)                                                                          \
                found[i + j] = (uint8_t)((equal[j] & 1) ^ inverted);                                                 \
        }                                                                                                            \
        for (; i < n; i++) {                                                                                         \
            uint8_t equal = 0;                                                                                       \
            for (int64_t k = 0; k < m; k++)                                                                          \
                equal |= x[i] == few[k];                                                                             \
            found[i] = equal ^ inverted;                                                                             \
        }                                                                                                            \
    }

AMONG_FEW(32, uint32_t)
AMONG_FEW(64, uint64_t)
AMONG_FEW(32, float)
AMONG_FEW(64, double)
#undef AMONG_FEW
