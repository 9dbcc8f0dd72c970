/* The element types of arrays. */
#ifndef GK_DTYPE_H
#define GK_DTYPE_H

#include <stdint.h>

typedef enum {
    GK_BOOL,
    GK_INT8,
    GK_UINT8,
    GK_INT16,
    GK_UINT16,
    GK_INT32,
    GK_UINT32,
    GK_INT64,
    GK_UINT64,
    GK_FLOAT32,
    GK_FLOAT64,
    GK_TYPES /* the number of types */
} gk_type;

/* X(constant, C type) for each type except GK_BOOL, which most users treat separately. */
#define GK_EACH_INTEGER(X) \
    X(GK_INT8, int8_t)     \
    X(GK_UINT8, uint8_t)   \
    X(GK_INT16, int16_t)   \
    X(GK_UINT16, uint16_t) \
    X(GK_INT32, int32_t)   \
    X(GK_UINT32, uint32_t) \
    X(GK_INT64, int64_t)   \
    X(GK_UINT64, uint64_t)
#define GK_EACH_FLOAT(X)  \
    X(GK_FLOAT32, float)  \
    X(GK_FLOAT64, double)

static inline int64_t gk_itemsize(gk_type type)
{
    static const int8_t sizes[GK_TYPES] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    return sizes[type];
}

static inline int gk_is_float(gk_type type)
{
    return type >= GK_FLOAT32;
}

#endif
