/* The map from items to keys, against comparisons of the items themselves. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "kernels/sort/sort_key.h"

static const uint32_t FLOATS[] = {
    0xff800000, /* -infinity */
    0xff7fffff, 0xbf800001, 0xbf800000, 0x80800000, 0x80000002, 0x80000001,
    0x80000000, /* -0.0 */
    0, 1, 2, 0x00800000, 0x3f800000, 0x3f800001, 0x7f7fffff,
    0x7f800000, /* infinity */
    0x7f800001, 0x7fc00000, 0x7fffffff, /* NaN */
    0xffffffff, 0xffc00000, 0xff800001, /* NaN with a sign bit */
};
enum { COUNT = sizeof FLOATS / sizeof *FLOATS, NANS = 16 /* the first NaN */ };

/* A double at the same position in the order: NaNs stay NaNs, infinities and zeros stay what they
 * are. */
static uint64_t widen(uint32_t x)
{
    uint64_t sign = (uint64_t)(x >> 31) << 63, magnitude = x & 0x7fffffff;
    if (magnitude >= 0x7f800000)
        return sign | UINT64_C(0x7ff0000000000000) | (magnitude & 0x7fffff);
    return sign | magnitude << 29;
}

static float number32(uint32_t x)
{
    float number;
    memcpy(&number, &x, sizeof number);
    return number;
}

static double number64(uint64_t x)
{
    double number;
    memcpy(&number, &x, sizeof number);
    return number;
}

static void check_floats(void)
{
    gk_sort_order order32 = gk_sort_order_of(GK_FLOAT32), order64 = gk_sort_order_of(GK_FLOAT64);
    for (int i = 0; i < COUNT; i++) {
        uint32_t a = FLOATS[i];
        uint64_t wide_a = widen(a);
        CHECK(gk_sort_unkey32(gk_sort_key32(a, order32), order32) == a);
        CHECK(gk_sort_unkey64(gk_sort_key64(wide_a, order64), order64) == wide_a);
        CHECK(!isnan(number32(a)) == (i < NANS) && !isnan(number64(wide_a)) == (i < NANS));
        for (int j = 0; j < COUNT; j++) {
            uint32_t b = FLOATS[j];
            uint64_t wide_b = widen(b);
            CHECK((gk_sort_key32(a, order32) < gk_sort_key32(b, order32)) == (i < j));
            CHECK((gk_sort_key64(wide_a, order64) < gk_sort_key64(wide_b, order64)) == (i < j));
            /* NaNs come last, all equal. */
            int less32 = i < NANS && (j >= NANS || number32(a) < number32(b));
            int less64 = i < NANS && (j >= NANS || number64(wide_a) < number64(wide_b));
            CHECK((gk_sort_equal_key32(a) < gk_sort_equal_key32(b)) == less32);
            CHECK((gk_sort_equal_key64(wide_a) < gk_sort_equal_key64(wide_b)) == less64);
        }
    }
    CHECK(gk_sort_key32(FLOATS[0], order32) == 0 && gk_sort_key64(widen(FLOATS[0]), order64) == 0);
}

#define CHECK_INTEGERS(constant, T, bits)                                            \
    do {                                                                             \
        gk_sort_order order = gk_sort_order_of(constant);                            \
        static const int64_t values[] = {INT##bits##_MIN, INT##bits##_MIN + 1, -2, -1, 0, 1, INT##bits##_MAX}; \
        for (int i = 0; i < 7; i++)                                                  \
            for (int j = 0; j < 7; j++) {                                            \
                T x = (T)values[i], y = (T)values[j];                                \
                uint##bits##_t a = (uint##bits##_t)x, b = (uint##bits##_t)y;         \
                CHECK((gk_sort_key##bits(a, order) < gk_sort_key##bits(b, order)) == (x < y)); \
                CHECK(gk_sort_unkey##bits(gk_sort_key##bits(a, order), order) == a); \
            }                                                                        \
    } while (0)

static void check_signed_orders(void)
{
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++) {
            gk_sort_order order32 = gk_sort_signed_order_of(GK_FLOAT32), order64 = gk_sort_signed_order_of(GK_FLOAT64);
            CHECK(((int32_t)gk_sort_key32(FLOATS[i], order32) < (int32_t)gk_sort_key32(FLOATS[j], order32)) == (i < j));
            CHECK(((int64_t)gk_sort_key64(widen(FLOATS[i]), order64) < (int64_t)gk_sort_key64(widen(FLOATS[j]), order64)) ==
                  (i < j));
        }
}

int main(void)
{
    check_floats();
    check_signed_orders();
    CHECK_INTEGERS(GK_BOOL, uint8_t, 8);
    CHECK_INTEGERS(GK_INT8, int8_t, 8);
    CHECK_INTEGERS(GK_UINT8, uint8_t, 8);
    CHECK_INTEGERS(GK_INT16, int16_t, 16);
    CHECK_INTEGERS(GK_UINT16, uint16_t, 16);
    CHECK_INTEGERS(GK_INT32, int32_t, 32);
    CHECK_INTEGERS(GK_UINT32, uint32_t, 32);
    CHECK_INTEGERS(GK_INT64, int64_t, 64);
    CHECK_INTEGERS(GK_UINT64, uint64_t, 64);
    return 0;
}
