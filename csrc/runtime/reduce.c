#include "runtime/reduce.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    gk_fold *fold;
    void *data;
    const void *neutral;
    char *partials;
    size_t size, stride;
    int64_t grain;
} reduction;

/* Partials up to this size are folded on the stack, where they share no cache line
 * with another thread's partial. */
enum { SMALL = 256, ALIGNMENT = _Alignof(max_align_t) };

static void fold_chunk(int64_t begin, int64_t end, void *data)
{
    reduction *r = data;
    char *place = r->partials + (size_t)(begin / r->grain) * r->stride;
    if (r->size <= SMALL) {
        _Alignas(max_align_t) char partial[SMALL];
        memcpy(partial, r->neutral, r->size);
        r->fold(begin, end, r->data, partial);
        memcpy(place, partial, r->size);
    } else {
        memcpy(place, r->neutral, r->size);
        r->fold(begin, end, r->data, place);
    }
}

int gk_parallel_reduce(int64_t n, size_t size, gk_fold *fold, gk_combine *combine, void *data,
                       void *result, const gk_options *options)
{
    if (n <= 0)
        return GK_OK;
    gk_options with_grain = {0};
    if (options != NULL)
        with_grain = *options;
    if (with_grain.grain <= 0)
        with_grain.grain = gk_default_grain(n);
    if (size > SIZE_MAX - ALIGNMENT)
        return GK_NO_MEMORY;
    size_t stride = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    uint64_t chunks = (uint64_t)(n - 1) / (uint64_t)with_grain.grain + 1;
    if (stride > 0 && chunks > SIZE_MAX / stride)
        return GK_NO_MEMORY;
    char *partials = malloc(stride * (size_t)chunks + 1);
    if (partials == NULL)
        return GK_NO_MEMORY;
    reduction r = {fold, data, result, partials, size, stride, with_grain.grain};
    int status = gk_parallel_for(n, fold_chunk, &r, &with_grain);
    if (status == GK_OK) {
        for (uint64_t chunk = 0; chunk < chunks; chunk++)
            combine(result, partials + (size_t)chunk * stride, data);
    }
    free(partials);
    return status;
}
