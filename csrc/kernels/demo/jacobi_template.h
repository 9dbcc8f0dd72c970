/* One row of a sweep; included once for each type and instruction set, with
 *   NAME(x)  x with the suffixes of type and instruction set
 *   TARGET   the function attribute of the instruction set
 *   T        the type
 * all undefined at the end. The loop is plain, and compilers vectorise it. */

TARGET static void NAME(row)(void *to_, const void *above_, const void *here_, const void *below_,
                             int64_t begin, int64_t end)
{
    T *GK_RESTRICT to = to_;
    const T *GK_RESTRICT above = above_, *GK_RESTRICT here = here_, *GK_RESTRICT below = below_;
    for (int64_t j = begin; j < end; j++)
        to[j] = (T)0.25 * ((above[j] + below[j]) + (here[j - 1] + here[j + 1]));
}

#undef NAME
#undef TARGET
#undef T
