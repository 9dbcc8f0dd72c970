/* The words of Philox4x64-10, a counter-based generator: block c of four words depends only
 * on the key, on the stream and on c. Stream 0 is what a new numpy.random.Philox draws. */
#ifndef GK_PHILOX_H
#define GK_PHILOX_H

#include <stdint.h>

typedef struct {
    uint64_t key[2];
    uint64_t stream; /* the second word of the counter */
} gk_philox;

/* The form of the numbers that a word is converted to. The low bits come first. */
typedef enum {
    GK_PHILOX_UINT64,
    GK_PHILOX_UINT32,  /* two */
    GK_PHILOX_UINT16,  /* four */
    GK_PHILOX_UINT8,   /* eight */
    GK_PHILOX_FLOAT64, /* k / 2^53, where k < 2^53 is uniform */
    GK_PHILOX_FLOAT32, /* two numbers k / 2^24, k < 2^24 */
} gk_philox_form;

enum { GK_PHILOX_BLOCK = 4 }; /* words */

/* Draws blocks begin <= c < end, an even number of blocks. */
void gk_philox_draw(const gk_philox *p, gk_philox_form form, uint64_t begin, uint64_t end, void *out);

#endif
