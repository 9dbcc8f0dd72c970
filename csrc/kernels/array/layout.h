/* Arrays of any layout, arranged for kernels. */
#ifndef GK_LAYOUT_H
#define GK_LAYOUT_H

#include <stdint.h>

#include "kernels/array/dtype.h"

enum { GK_MAX_DIMS = 64 };

/* Dimensions of an array, in bytes from element to element; merged where one
 * continues another. */
typedef struct {
    int n;
    int64_t shape[GK_MAX_DIMS], stride[GK_MAX_DIMS];
} gk_dims;

/* An array, its dimensions sorted into those that stay and those that go. */
typedef struct {
    const char *data;
    gk_type type;
    int64_t n_outputs, n_reduced; /* elements of the result, and elements for each of them */
    gk_dims retained, reduced;
    /* The axes that stay, slowest first: the order of the outputs in memory. */
    int n_retained_axes, retained_axes[GK_MAX_DIMS];
} gk_layout;

/* reduced[axis]: whether to reduce along the axis. No dimension may be 0. */
void gk_layout_init(gk_layout *layout, gk_type type, const char *data, int ndim,
                    const int64_t *shape, const int64_t *stride, const char *reduced);

/* A position in several dimensions, walked innermost fastest. */
typedef struct {
    const gk_dims *dims;
    const char *at;
    int64_t index[GK_MAX_DIMS];
} gk_iterator;

void gk_iterator_start(gk_iterator *walk, const gk_dims *dims, const char *data, int64_t position);

/* The elements that follow along the innermost dimension, at most `most`. */
int64_t gk_iterator_run(const gk_iterator *walk, int64_t most);

/* Moves on by a run. */
void gk_iterator_advance(gk_iterator *walk, int64_t run);

#endif
