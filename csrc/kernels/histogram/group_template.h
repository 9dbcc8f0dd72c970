/* The indices of a block of labels, included by base/foreach_isa.h for each instruction set. */

/* Labels are their own index. Negative ones get the index `groups`. Returns whether a label
 * is too large. */
static TARGET int NAME(narrow_labels)(const int64_t *GK_RESTRICT labels, int64_t n, int64_t groups,
                                      uint32_t *GK_RESTRICT index)
{
    int64_t too_large = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t label = labels[i];
        too_large |= label >= groups;
        index[i] = (uint32_t)((uint64_t)label < (uint64_t)groups ? label : groups);
    }
    return too_large != 0;
}

static TARGET void NAME(drop_nans)(const double *GK_RESTRICT values, int64_t n, uint32_t none,
                                   uint32_t *GK_RESTRICT index)
{
    for (int64_t i = 0; i < n; i++)
        index[i] = values[i] == values[i] ? index[i] : none;
}

/* Values outside the part low..low + size - 1 of a table get one of eight indices from `other`
 * on, in turn: additions to one entry wait for each other. */
static TARGET void NAME(restrict_to_part)(uint32_t *index, int64_t n, uint32_t low, uint32_t size, uint32_t other)
{
    for (int64_t i = 0; i < n; i++)
        index[i] = index[i] - low < size ? index[i] : other + ((uint32_t)i & 7);
}

static TARGET void NAME(count_from)(int64_t *GK_RESTRICT to, int64_t first, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = first + i;
}

/* Returns 1 if there is a NaN, plus 2 if a value equals x. */
static TARGET int NAME(find_doubles)(const double *GK_RESTRICT values, int64_t n, double x)
{
    int64_t nans = 0, equal = 0;
    for (int64_t i = 0; i < n; i++) {
        nans |= values[i] != values[i];
        equal |= values[i] == x;
    }
    return (nans != 0) + 2 * (equal != 0);
}

static TARGET int NAME(find_integers)(const int64_t *GK_RESTRICT values, int64_t n, int64_t x)
{
    int64_t equal = 0;
    for (int64_t i = 0; i < n; i++)
        equal |= values[i] == x;
    return 2 * (equal != 0);
}
