/* The one place that knows how compilers and processors differ.
 *
 * gilkit is C11 with three extensions, all optional: per-function instruction
 * sets (GCC and Clang on x86-64), a pause instruction for spin loops, and
 * prefetching.
 */
#ifndef GK_COMPILER_H
#define GK_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
#  define GK_INLINE static inline __attribute__((always_inline))
#  define GK_NOINLINE __attribute__((noinline))
#  define GK_UNUSED __attribute__((unused))
#  define GK_LIKELY(x) __builtin_expect(!!(x), 1)
#  define GK_UNLIKELY(x) __builtin_expect(!!(x), 0)
#  define GK_RESTRICT restrict
/* Starts to read memory that is needed soon. Any address will do. */
#  define GK_PREFETCH(address) __builtin_prefetch((const void *)(address))
/* Hides a value from the optimiser: the loop that contains it is really run. */
#  define GK_DO_NOT_OPTIMIZE(x) __asm__ volatile("" : "+r"(x))
#else
#  define GK_INLINE static inline
#  define GK_NOINLINE
#  define GK_UNUSED
#  define GK_LIKELY(x) (x)
#  define GK_UNLIKELY(x) (x)
#  define GK_RESTRICT
#  define GK_PREFETCH(address) ((void)(address))
#endif

/* Thread-local variables. In a library that is loaded at run time, glibc allocates
 * them when a thread first uses one, and ends the process if there is no memory.
 * With the initial-exec model they are part of every thread from its creation,
 * which reports failure. The space for those of all such libraries together is
 * 1664 bytes: gilkit takes less than 160 of them (tests/test_architecture.py).
 * musl allocates at creation in any case, and refuses the attribute. */
#include <limits.h> /* defines __GLIBC__ */

#if defined(_MSC_VER) && !defined(__clang__)
#  include <intrin.h>
#  define GK_THREAD_LOCAL __declspec(thread)
#  ifndef GK_DO_NOT_OPTIMIZE
#    define GK_DO_NOT_OPTIMIZE(x) _ReadWriteBarrier()
#  endif
#elif defined(__GLIBC__)
#  define GK_THREAD_LOCAL __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#  define GK_THREAD_LOCAL _Thread_local
#endif

/* x86-64 with per-function instruction sets: the SIMD bodies exist.
 * Elsewhere only the scalar bodies are compiled. */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#  define GK_X86 1
#  define GK_TARGET(features) __attribute__((target(features)))
#else
#  define GK_X86 0
#  define GK_TARGET(features)
#endif

/* Two 64-byte lines: Intel's adjacent-line prefetcher makes pairs of lines
 * travel together, so 64 bytes of distance still share falsely. Apple's
 * processors have 128-byte lines. */
#define GK_CACHE_LINE 128

/* How far ahead loops prefetch that keep the processor too busy to look ahead
 * by itself (which besides ends where a page ends), and its lines; in bytes. */
enum { GK_PREFETCH_AHEAD = 8192, GK_PREFETCH_STEP = 64 };

/* Tells the core that this is a spin loop: it yields issue slots to its
 * sibling and leaves the loop without a memory-order mis-speculation. */
GK_INLINE void gk_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
    __asm__ volatile("isb" ::: "memory");
#elif defined(_MSC_VER)
    YieldProcessor();
#endif
}

#endif
