/* Puts the block cache of csrc/memory under NumPy's default memory handler.
 *
 * The handler that NumPy uses (NEP 49) is in a context variable, so PyDataMem_SetHandler()
 * reaches one thread or task: every new thread begins with the default handler. Therefore the
 * functions inside the default handler are replaced. Every context that has not chosen another
 * handler then allocates through the cache, at once, and the arrays that exist need no change.
 * A handler that a context has chosen stays in force there.
 *
 * An array may be allocated before the replacement and freed after it, or the other way round. So
 * the cache hands out only blocks of the functions that it replaced. Either side can free them.
 */
#ifndef GILKIT_PATCHING_MEMORY_H
#define GILKIT_PATCHING_MEMORY_H

#include <Python.h>

#include <stdatomic.h>
#include <string.h>

#include "gilkit/_import_core.h"

/* The functions that were replaced. Written once; the same until the process ends. */
static PyDataMemAllocator gk_replaced;

/* ---- The source of the cache ---- */

static void *gk_source_allocate(void *context, size_t size)
{
    (void)context;
    return gk_replaced.malloc(gk_replaced.ctx, size);
}

static void *gk_source_allocate_zeroed(void *context, size_t size)
{
    (void)context;
    return gk_replaced.calloc(gk_replaced.ctx, 1, size);
}

static void *gk_source_reallocate(void *context, void *block, size_t size)
{
    (void)context;
    return gk_replaced.realloc(gk_replaced.ctx, block, size);
}

static void gk_source_release(void *context, void *block, size_t size)
{
    (void)context;
    gk_replaced.free(gk_replaced.ctx, block, size);
}

static gk_block_source gk_numpys_source = {
    .allocate = gk_source_allocate,
    .allocate_zeroed = gk_source_allocate_zeroed,
    .reallocate = gk_source_reallocate,
    .release = gk_source_release,
};

/* ---- The functions in NumPy's handler. Small arrays take one branch more than before ---- */

static void *gk_handler_malloc(void *ctx, size_t size)
{
    (void)ctx;
    if (size < GK_BLOCKS_MIN_SIZE)
        return gk_replaced.malloc(gk_replaced.ctx, size);
    return GK(gk_blocks_allocate)(size, 0);
}

static void *gk_handler_calloc(void *ctx, size_t n, size_t item)
{
    (void)ctx;
    if (item != 0 && n > SIZE_MAX / item)
        return NULL;
    if (n * item < GK_BLOCKS_MIN_SIZE)
        return gk_replaced.calloc(gk_replaced.ctx, n, item);
    return GK(gk_blocks_allocate)(n * item, 1);
}

static void *gk_handler_realloc(void *ctx, void *block, size_t size)
{
    (void)ctx;
    return GK(gk_blocks_reallocate)(block, size);
}

static void gk_handler_free(void *ctx, void *block, size_t size)
{
    (void)ctx;
    if (size < GK_BLOCKS_MIN_SIZE)
        gk_replaced.free(gk_replaced.ctx, block, size);
    else
        GK(gk_blocks_release)(block, size);
}

/* ---- Installing ---- */

/* In the free-threaded build, other threads read the functions meanwhile. They may see some of
 * the old and some of the new ones, which is harmless: see above. */
#if defined(__GNUC__) || defined(__clang__)
#  define GK_REPLACE(place, function) __atomic_store_n(&(place), (function), __ATOMIC_RELEASE)
#else
#  define GK_REPLACE(place, function) ((place) = (function))
#endif

static atomic_flag gk_installing = ATOMIC_FLAG_INIT;
static _Atomic int gk_installed;
static int gk_replaced_is_known; /* the cache is below NumPy's handler, or below another one on top */

/* No Python code runs while it is held, so no thread waits for it with the GIL for long. */
static void gk_begin_installing(void)
{
    while (atomic_flag_test_and_set_explicit(&gk_installing, memory_order_acquire))
        GK(gk_thread_yield)();
}

static void gk_end_installing(void)
{
    atomic_flag_clear_explicit(&gk_installing, memory_order_release);
}

static int gk_has(const PyDataMemAllocator *a, const PyDataMemAllocator *b)
{
    return a->malloc == b->malloc && a->calloc == b->calloc && a->realloc == b->realloc && a->free == b->free;
}

static void gk_put(PyDataMemAllocator *place, const PyDataMemAllocator *functions)
{
    GK_REPLACE(place->malloc, functions->malloc);
    GK_REPLACE(place->calloc, functions->calloc);
    GK_REPLACE(place->realloc, functions->realloc);
    GK_REPLACE(place->free, functions->free);
}

static const PyDataMemAllocator gk_own = {
    .malloc = gk_handler_malloc,
    .calloc = gk_handler_calloc,
    .realloc = gk_handler_realloc,
    .free = gk_handler_free,
};

/* NumPy's default handler; NULL with an exception if it is not one that this file knows. */
static PyDataMem_Handler *gk_default_handler(void)
{
    PyDataMem_Handler *handler = (PyDataMem_Handler *)PyCapsule_GetPointer(PyDataMem_DefaultHandler, "mem_handler");
    if (handler != NULL && handler->version != 1) {
        PyErr_Format(PyExc_RuntimeError,
                     "NumPy's memory handler has version %d, and gilkit knows version 1; leave NumPy's memory unpatched",
                     (int)handler->version);
        return NULL;
    }
    return handler;
}

static int gk_memory_install(size_t limit, int advises_huge_pages)
{
    PyDataMem_Handler *handler = gk_default_handler();
    if (handler == NULL)
        return -1;
    PyDataMemAllocator *place = &handler->allocator;
    gk_block_options options = {.limit = limit};
    gk_begin_installing();
    if (!gk_replaced_is_known) {
        gk_replaced = *place;
        gk_numpys_source.advises_huge_pages = advises_huge_pages;
        gk_replaced_is_known = 1;
    }
    GK(gk_blocks_open)(&gk_numpys_source, &options);
    /* If there are other functions than those replaced at first, they are on top of these. */
    if (gk_has(place, &gk_replaced))
        gk_put(place, &gk_own);
    atomic_store(&gk_installed, 1);
    gk_end_installing();
    return 0;
}

static int gk_memory_uninstall(void)
{
    PyDataMem_Handler *handler = gk_default_handler();
    if (handler == NULL)
        return -1;
    gk_begin_installing();
    /* Functions that another package has put on top keep calling these, which then pass everything
     * on. */
    if (gk_has(&handler->allocator, &gk_own))
        gk_put(&handler->allocator, &gk_replaced);
    if (atomic_exchange(&gk_installed, 0))
        GK(gk_blocks_close)();
    gk_end_installing();
    return 0;
}

static int gk_memory_is_installed(void)
{
    return atomic_load(&gk_installed);
}

#endif
