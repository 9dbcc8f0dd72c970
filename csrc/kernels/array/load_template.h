/* The loaders, included by base/foreach_isa.h for each instruction set.
 * Compilers vectorise these plain loops. */

#define LOADER(name, from_t, to_t, value)                                                  \
    TARGET static void NAME(name)(void *to_, const char *from_, int64_t stride, int64_t n) \
    {                                                                                      \
        to_t *GK_RESTRICT to = to_;                                                        \
        if (stride == (int64_t)sizeof(from_t)) {                                           \
            const from_t *GK_RESTRICT from = (const from_t *)from_;                        \
            for (int64_t i = 0; i < n; i++) {                                              \
                from_t x = from[i];                                                        \
                to[i] = (to_t)(value);                                                     \
            }                                                                              \
        } else {                                                                           \
            for (int64_t i = 0; i < n; i++) {                                              \
                from_t x = *(const from_t *)(from_ + i * stride);                          \
                to[i] = (to_t)(value);                                                     \
            }                                                                              \
        }                                                                                  \
    }

#define TO_FLOAT64(constant, T) LOADER(float64_from_##T, T, double, x)
#define TO_INT64(constant, T) LOADER(int64_from_##T, T, int64_t, x)
#define AS_IS(T) LOADER(copy_##T, T, T, x)
GK_EACH_INTEGER(TO_FLOAT64)
GK_EACH_FLOAT(TO_FLOAT64)
LOADER(float64_from_bool, uint8_t, double, x != 0)
GK_EACH_INTEGER(TO_INT64)
LOADER(int64_from_bool, uint8_t, int64_t, x != 0)
AS_IS(uint8_t)
AS_IS(uint16_t)
AS_IS(uint32_t)
AS_IS(uint64_t)
#undef TO_FLOAT64
#undef TO_INT64
#undef AS_IS
#undef LOADER

static const loaders NAME(table) = {
#define FLOAT64(constant, T) [constant] = NAME(float64_from_##T),
    .as_float64 = {[GK_BOOL] = NAME(float64_from_bool), GK_EACH_INTEGER(FLOAT64) GK_EACH_FLOAT(FLOAT64)},
#undef FLOAT64
#define INT64(constant, T) [constant] = NAME(int64_from_##T),
    .as_int64 = {[GK_BOOL] = NAME(int64_from_bool), GK_EACH_INTEGER(INT64)},
#undef INT64
    .as_is = {[1] = NAME(copy_uint8_t),
              [2] = NAME(copy_uint16_t),
              [4] = NAME(copy_uint32_t),
              [8] = NAME(copy_uint64_t)},
};
