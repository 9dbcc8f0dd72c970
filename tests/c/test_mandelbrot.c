/* gk_mandelbrot: every pixel follows the definition, for every instruction set, number of
 * threads and shape of the image; and a long call can be ended. */
#include <string.h>

#include "base/clock.h"
#include "base/isa.h"
#include "check.h"
#include "kernels/demo/mandelbrot.h"

enum { MOST = 1 << 16, CANARY = -77 };
static int32_t out[MOST + 1];

static int32_t steps(double cr, double ci, int32_t max_iter)
{
    double zr = 0, zi = 0;
    int32_t n = 0;
    while (n < max_iter && zr * zr + zi * zi <= 4.0) {
        double next = zr * zr - zi * zi + cr;
        zi = (zr + zr) * zi + ci;
        zr = next;
        n++;
    }
    return n;
}

typedef struct {
    double x0, x1, y0, y1;
} region;

static const region regions[] = {
    {-2.0, 1.0, -1.5, 1.5},
    {1.0, -2.0, 1.5, -1.5},
    {-0.7436438870372, -0.7436438870370, 0.1318259042052, 0.1318259042054}, /* spirals */
    {-2.0000000000000009, -1.9999999999999996, -4e-16, 4e-16},              /* |z| is nearly 2 */
    {-1e308, 7e307, -1e200, 1e200},                                         /* overflows at once */
    {0.0, 0.0, 0.0, 0.0},
};

static void every_pixel(const region *r, int64_t width, int64_t height, int32_t max_iter, int threads)
{
    gk_options options = {.threads = threads};
    int64_t pixels = width * height;
    CHECK(pixels <= MOST);
    for (int64_t k = 0; k <= pixels; k++)
        out[k] = CANARY;
    CHECK(gk_mandelbrot(width, height, r->x0, r->x1, r->y0, r->y1, max_iter, out, &options) == GK_OK);
    CHECK(out[pixels] == CANARY);
    double dx = width > 1 ? (r->x1 - r->x0) / (double)(width - 1) : 0.0;
    double dy = height > 1 ? (r->y1 - r->y0) / (double)(height - 1) : 0.0;
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++)
            CHECK(out[i * width + j] == steps(r->x0 + (double)j * dx, r->y0 + (double)i * dy, max_iter));
}

static void test_pixels(void)
{
    static const int32_t limits[] = {0, 1, 7, 8, 9, 100};
    for (size_t r = 0; r < sizeof regions / sizeof *regions; r++) {
        for (int64_t height = 1; height <= 9; height++)
            for (int64_t width = 1; width <= 37; width += 2)
                for (size_t l = 0; l < sizeof limits / sizeof *limits; l++)
                    every_pixel(&regions[r], width, height, limits[l], 1);
        every_pixel(&regions[r], 1, 4001, 50, 2);
        every_pixel(&regions[r], 4001, 1, 50, 2);
        every_pixel(&regions[r], 35, 6, 20000, 2); /* items of one cache line */
    }
    static const int threads[] = {1, 2, 3, 8, 64};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
        every_pixel(&regions[0], 257, 255, 300, threads[t]);
}

/* A single point that never escapes, so the call must end from inside a row. */
static void test_deadline(void)
{
    int64_t start = gk_now();
    gk_options options = {.deadline = start + 20 * GK_MILLISECOND};
    CHECK(gk_mandelbrot(64, 64, 0, 0.1, 0, 0.1, INT32_MAX, out, &options) == GK_TIMEOUT);
    CHECK(gk_now() - start < 5 * GK_SECOND); /* the whole image would take hours */
}

int main(void)
{
    for (int level = GK_ISA_SCALAR; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        test_pixels();
        test_deadline();
    }
    return 0;
}
