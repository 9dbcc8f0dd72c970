/* One row of a sweep, for float and double, included by base/foreach_isa.h for each
 * instruction set. Compilers vectorise this plain loop. */

#define ROW(name, T)                                                                                     \
    TARGET static void NAME(name)(void *to_, const void *above_, const void *here_, const void *below_,  \
                                  int64_t begin, int64_t end)                                            \
    {                                                                                                    \
        T *GK_RESTRICT to = to_;                                                                         \
        const T *GK_RESTRICT above = above_, *GK_RESTRICT here = here_, *GK_RESTRICT below = below_;     \
        for (int64_t j = begin; j < end; j++)                                                            \
            to[j] = (T)0.25 * ((above[j] + below[j]) + (here[j - 1] + here[j + 1]));                     \
    }

ROW(row_float32, float)
ROW(row_float64, double)

#undef ROW
