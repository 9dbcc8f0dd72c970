/* What reducing groups and gathering them have in common. */
#ifndef GK_GROUP_CALL_H
#define GK_GROUP_CALL_H

#include <stdatomic.h>
#include <stdint.h>

#include "kernels/histogram/binning.h"
#include "kernels/histogram/group.h"

enum {
    GK_GROUP_FEW = 1 << 14,        /* Fewer values than this are added on one thread. */
    GK_GROUP_POLL_EVERY = 1 << 16, /* values between two checks for the end of the call */
};

/* The state that all steps of a call share. */
typedef struct {
    const gk_grouping *g;
    int64_t items, results;
    atomic_int *out_of_range;
    atomic_int *ambiguous; /* whether there are values that may be mistaken for those of empty groups */
} gk_group_call;

/* The index of each value is that of its result, or the number of results. */
gk_binning gk_group_binning(const gk_group_call *of);

#endif
