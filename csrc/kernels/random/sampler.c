#include "kernels/random/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "kernels/array/memory.h"

enum {
    BUFFER = 512,           /* words that are drawn at a time */
    PAIR = 2 * GK_PHILOX_BLOCK, /* blocks are drawn in pairs */
    PIECE = 2048,           /* units of a piece, which take some microseconds */
    PIECES_FOR_EACH = 32,   /* pieces per thread in a batch: many, so that the last one is a small
                               part of it */
    MAX_PIECES = 1024,      /* of a batch */
};

/* ---- Reading the stream */

struct gk_reader {
    const gk_sampler *s;
    uint64_t first, end; /* the units in the buffer */
    union {
        uint64_t uint64[BUFFER];
        uint32_t uint32[2 * BUFFER];
        uint16_t uint16[4 * BUFFER];
        uint8_t uint8[8 * BUFFER];
    } units;
};

/* Leaves the buffer uninitialised: clearing it would take longer than drawing a few numbers. */
static void start(gk_reader *r, const gk_sampler *s)
{
    r->s = s;
    r->first = r->end = 0;
}

/* Draws the pair of blocks that unit `at` is in, and as many after it as `wanted` units need. */
static void draw(gk_reader *r, uint64_t at, int64_t wanted)
{
    const uint64_t in_pair = PAIR * sizeof(uint64_t) / r->s->unit;
    uint64_t pair = at / in_pair, pairs = ((uint64_t)wanted + at % in_pair + in_pair - 1) / in_pair;
    if (pairs > BUFFER / PAIR)
        pairs = BUFFER / PAIR;
    gk_philox_draw(&r->s->philox, r->s->form, 2 * pair, 2 * (pair + pairs), &r->units);
    r->first = pair * in_pair;
    r->end = r->first + pairs * in_pair;
}

uint64_t gk_reader_unit(gk_reader *r, uint64_t at)
{
    if (at < r->first || at >= r->end)
        draw(r, at, 1);
    uint64_t i = at - r->first;
    switch (r->s->unit) {
    case 8:
        return r->units.uint64[i];
    case 4:
        return r->units.uint32[i];
    case 2:
        return r->units.uint16[i];
    default:
        return r->units.uint8[i];
    }
}

/* Makes the attempts that begin at unit *at or after it and before `end`, up to `room` items.
 * Sets *at to the unit after them, and returns the number of items. */
static int64_t parse(gk_reader *r, uint64_t *at, uint64_t end, int64_t room, char *items)
{
    const gk_sampler *s = r->s;
    int64_t count = 0;
    while (*at < end && count < room) {
        int64_t n = end - *at < (uint64_t)(room - count) ? (int64_t)(end - *at) : room - count;
        if (*at < r->first || *at >= r->end)
            draw(r, *at, n + n / 64); /* little more than a short result needs */
        if ((uint64_t)n > r->end - *at)
            n = (int64_t)(r->end - *at);
        int64_t used = n;
        count += s->accept(s, (const char *)&r->units + (*at - r->first) * s->unit, &used, items + (size_t)count * s->size);
        *at += (uint64_t)used;
        if (used < n)
            count += s->decide(r, at, items + (size_t)count * s->size);
    }
    return count;
}

static void finish(const gk_sampler *s, const char *items, int64_t n, char *out)
{
    if (s->finish != NULL)
        s->finish(s, items, n, out);
    else if (items != out)
        memcpy(out, items, (size_t)n * s->size);
}

/* ---- On one thread */

typedef struct {
    const gk_sampler *s;
    char *out;
    int64_t n;
} whole;

static void sample_whole(int64_t begin, int64_t end, void *data)
{
    const whole *w = data;
    gk_reader r;
    uint64_t at = 0;
    start(&r, w->s);
    (void)begin, (void)end; /* one chunk */
    for (int64_t done = 0; done < w->n;) {
        char *out = w->out + (size_t)done * w->s->size;
        int64_t count = parse(&r, &at, at + PIECE, w->n - done, out);
        finish(w->s, out, count, out);
        done += count;
        if (done < w->n && gk_cancelled())
            return;
    }
}

/* ---- Where nearly every unit is an item: pieces are written directly to their position in the
 * result */

typedef struct {
    const gk_sampler *s;
    char *out;
    uint64_t at;     /* the unit where the first piece begins */
    int64_t n;       /* items to make */
    int64_t *counts; /* of each piece */
} direct;

static void sample_direct(int64_t begin, int64_t end, void *data)
{
    const direct *d = data;
    gk_reader r;
    start(&r, d->s);
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t first = piece * PIECE, n = d->n - first < PIECE ? d->n - first : PIECE;
        uint64_t at = d->at + (uint64_t)first;
        d->counts[piece] = parse(&r, &at, at + (uint64_t)n, n, d->out + (size_t)first * d->s->size);
    }
}

/* Reads as many pieces as the result has. From the first one with a rejected unit on, the others
 * are in the wrong position and are read again. */
static int sample_in_place(const gk_sampler *s, char *out, int64_t n, int64_t most, gk_options *how)
{
    direct d = {.s = s, .out = out};
    int64_t done = 0;
    int status = GK_OK;
    d.counts = gk_allocate(most, sizeof *d.counts);
    if (d.counts == NULL)
        return GK_NO_MEMORY;
    while (done < n && status == GK_OK) {
        int64_t pieces = gk_ceil_div(n - done, PIECE);
        if (pieces > most)
            pieces = most;
        d.out = out + (size_t)done * s->size;
        d.n = n - done < pieces * PIECE ? n - done : pieces * PIECE;
        status = gk_parallel_for(pieces, sample_direct, &d, how);
        for (int64_t piece = 0; piece < pieces && status == GK_OK; piece++) {
            int64_t wanted = d.n - piece * PIECE < PIECE ? d.n - piece * PIECE : PIECE;
            done += d.counts[piece];
            d.at += (uint64_t)wanted;
            if (d.counts[piece] < wanted)
                break;
        }
    }
    free(d.counts);
    return status;
}

/* ---- The others: pieces are read into scratch memory and joined */

typedef struct {
    uint64_t begin, end; /* where the piece's first attempt begins, and the next piece's */
    int64_t count;       /* its items */
    /* If `begin` is not where the piece was read from: the two readers meet at unit `meet`. Until
     * then there are `head` items instead of the first `skip` ones in the scratch memory. */
    uint64_t meet;
    int64_t head, skip;
    int64_t place; /* of its first item in the result */
} piece;

typedef struct {
    piece *pieces;
    char *items; /* PIECE for each piece */
    int64_t first, number; /* of the pieces */
} batch;

typedef struct {
    const gk_sampler *s;
    char *out;
    int64_t n;
    batch *reading, *joining;
} stream;

static void read_piece(const stream *w, gk_reader *r, int64_t i)
{
    piece *p = &w->reading->pieces[i];
    uint64_t begin = (uint64_t)(w->reading->first + i) * PIECE;
    p->end = begin;
    p->count = parse(r, &p->end, begin + PIECE, PIECE, w->reading->items + (size_t)(i * PIECE) * w->s->size);
}

static void join_piece(const stream *w, gk_reader *r, int64_t i)
{
    const piece *p = &w->joining->pieces[i];
    const char *items = w->joining->items + (size_t)(i * PIECE) * w->s->size;
    char *out = w->out + (size_t)p->place * w->s->size;
    int64_t n = w->n - p->place < p->count ? w->n - p->place : p->count;
    if (n <= 0)
        return;
    int64_t head = p->head < n ? p->head : n;
    if (head > 0) {
        uint64_t at = p->begin;
        parse(r, &at, p->meet, head, out);
        finish(w->s, out, head, out);
    }
    finish(w->s, items + (size_t)p->skip * w->s->size, n - head, out + (size_t)head * w->s->size);
}

static void read_and_join(int64_t begin, int64_t end, void *data)
{
    const stream *w = data;
    gk_reader r;
    start(&r, w->s);
    for (int64_t i = begin; i < end; i++) {
        if (i < w->joining->number)
            join_piece(w, &r, i);
        else
            read_piece(w, &r, i - w->joining->number);
    }
}

/* The piece was read from unit `begin`, but its first attempt begins at p->begin. */
static void correct(gk_reader *r, piece *p, uint64_t begin, uint64_t end)
{
    uint64_t wrong = begin, right = p->begin;
    uint64_t item; /* of any type */
    while (wrong != right && (wrong < end || right < end)) {
        if (wrong < right)
            p->skip += parse(r, &wrong, wrong + 1, 1, (char *)&item);
        else
            p->head += parse(r, &right, right + 1, 1, (char *)&item);
    }
    p->meet = right;
    p->count += p->head - p->skip;
    if (wrong != right) /* they do not meet in this piece */
        p->end = right;
}

/* Sets where the pieces begin in the stream and in the result, given those of the first one. */
static void connect_pieces(const gk_sampler *s, batch *b, uint64_t *at, int64_t *place)
{
    gk_reader r;
    start(&r, s);
    for (int64_t i = 0; i < b->number; i++) {
        piece *p = &b->pieces[i];
        uint64_t begin = (uint64_t)(b->first + i) * PIECE;
        p->begin = *at;
        p->head = p->skip = 0;
        if (p->begin != begin)
            correct(&r, p, begin, begin + PIECE);
        p->place = *place;
        *place += p->count;
        *at = p->end;
    }
}

static int sample_in_batches(const gk_sampler *s, char *out, int64_t n, int64_t most, gk_options *how)
{
    batch batches[2] = {{0}};
    stream w = {.s = s, .out = out, .n = n, .reading = &batches[0], .joining = &batches[1]};
    int status = GK_OK;
    for (int i = 0; i < 2; i++) {
        batches[i].pieces = gk_allocate(most, sizeof *batches[i].pieces);
        batches[i].items = gk_allocate(most, (int64_t)(PIECE * s->size));
        if (batches[i].pieces == NULL || batches[i].items == NULL)
            status = GK_NO_MEMORY;
    }
    uint64_t at = 0;
    int64_t next = 0, place = 0; /* of the pieces, of the items */
    while (status == GK_OK && (place < n || w.joining->number > 0)) {
        /* One piece more than needed on average, which usually avoids a last batch of a single
         * piece. */
        double pieces = (double)(n - place) / (PIECE * (1 - s->rejected)) + 1;
        w.reading->first = next;
        w.reading->number = place >= n ? 0 : pieces < (double)most ? (int64_t)pieces : most;
        next += w.reading->number;
        status = gk_parallel_for(w.joining->number + w.reading->number, read_and_join, &w, how);
        if (status != GK_OK)
            break;
        connect_pieces(s, w.reading, &at, &place);
        batch *read = w.reading;
        w.reading = w.joining;
        w.joining = read;
    }
    for (int i = 0; i < 2; i++) {
        free(batches[i].pieces);
        free(batches[i].items);
    }
    return status;
}

int gk_sample(const gk_sampler *s, void *out, int64_t n, const gk_options *options)
{
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = 1;
    int participants = gk_participants(options);
    int64_t most = (int64_t)participants * PIECES_FOR_EACH; /* pieces of a batch */
    if (participants == 1 || n < 8 * PIECE) {
        whole w = {s, out, n};
        return n <= PIECE ? gk_run_here(1, sample_whole, &w, options)
                          : (how.threads = 1, gk_parallel_for(1, sample_whole, &w, &how));
    }
    how.eager = n >= 32 * PIECE;
    if (s->finish == NULL && s->rejected * PIECE * (double)most < 0.1) {
        /* Long enough that rejected units are rare in one batch. */
        double longer = s->rejected > 0 ? 0.1 / (s->rejected * PIECE) : (double)INT64_MAX;
        int64_t all = gk_ceil_div(n, PIECE);
        most = longer < (double)all ? (int64_t)longer : all;
        return sample_in_place(s, out, n, most, &how);
    }
    return sample_in_batches(s, out, n, most < MAX_PIECES ? most : MAX_PIECES, &how);
}
