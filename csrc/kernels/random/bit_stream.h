/* The words that one of NumPy's bit generators gives from any position on.
 *
 * A stream is plain data: to begin at a later position, copy it and advance the copy. So several threads can draw
 * parts of the same sequence. The functions below do what NumPy's functions for the same generator do. */
#ifndef GK_BIT_STREAM_H
#define GK_BIT_STREAM_H

#include <stdint.h>

typedef enum {
    GK_PCG64,
    GK_PCG64DXSM,
    GK_MT19937,
} gk_bit_generator;

typedef struct {
    uint64_t high, low;
} gk_wide;

enum {
    GK_MERSENNE_WORDS = 624,
};

typedef struct {
    gk_bit_generator generator;
    int64_t drawn; /* words since the stream was started, with those of the Mersenne Twister that are not used yet */
    /* PCG64 */
    gk_wide state, increment;
    int has_half; /* the high half of a word, which is the next number of 32 bits, is left */
    uint32_t half;
    /* Mersenne Twister: words[next..624) are not used yet */
    int next;
    uint32_t key[GK_MERSENNE_WORDS], words[GK_MERSENNE_WORDS];
} gk_bit_stream;

/* Start a stream from the state of NumPy's generator. */
void gk_stream_start_pcg64(gk_bit_stream *stream, gk_bit_generator generator, gk_wide state, gk_wide increment, int has_half,
                           uint32_t half);
void gk_stream_start_mersenne(gk_bit_stream *stream, const uint32_t key[GK_MERSENNE_WORDS], int position);

/* How many words were used since the start: of 64 bits of PCG64, of 32 bits of the Mersenne Twister. */
int64_t gk_stream_position(const gk_bit_stream *stream);

/* Passes over some words. The half of one that may be left stays. */
void gk_stream_advance(gk_bit_stream *stream, int64_t words);

/* What NumPy's distributions call; `stream` is a gk_bit_stream. */
typedef struct {
    uint64_t (*uint64)(void *stream);
    uint32_t (*uint32)(void *stream);
    double (*float64)(void *stream);
} gk_stream_functions;

gk_stream_functions gk_stream_functions_of(const gk_bit_stream *stream);

/* Fills out[0..n) as n calls of float64() do. */
void gk_stream_doubles(gk_bit_stream *stream, double *out, int64_t n);

#endif
