#include "kernels/array/iterator.h"

int64_t gk_dims_count(const gk_dims *dims)
{
    int64_t count = 1;
    for (int d = 0; d < dims->n; d++)
        count *= dims->shape[d];
    return count;
}

void gk_iterator_start(gk_iterator *it, const gk_dims *dims, const char *data, int64_t position)
{
    it->dims = dims;
    it->at = (char *)data;
    for (int d = dims->n - 1; d >= 0; d--) {
        it->index[d] = position % dims->shape[d];
        position /= dims->shape[d];
        it->at += it->index[d] * dims->stride[d];
    }
}

int64_t gk_iterator_run(const gk_iterator *it, int64_t max)
{
    int inner = it->dims->n - 1;
    int64_t left = it->dims->shape[inner] - it->index[inner];
    return left < max ? left : max;
}

void gk_iterator_advance(gk_iterator *it, int64_t run)
{
    int d = it->dims->n - 1;
    if (d < 0)
        return;
    it->index[d] += run;
    it->at += run * it->dims->stride[d];
    for (; d > 0 && it->index[d] == it->dims->shape[d]; d--) {
        it->at += it->dims->stride[d - 1] - it->dims->shape[d] * it->dims->stride[d];
        it->index[d] = 0;
        it->index[d - 1]++;
    }
}
