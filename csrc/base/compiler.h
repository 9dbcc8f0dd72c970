/* The differences between compilers and between processors.
 *
 * gilkit is C11 with three optional extensions: per-function instruction sets (GCC
 * and Clang on x86-64), a pause instruction for spin loops, and prefetching.
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
/* Before a loop of a constant length: keeps it a loop, whose code is a fraction as large. */
#  ifdef __clang__
#    define GK_NO_UNROLL _Pragma("clang loop unroll(disable)")
#  else
#    define GK_NO_UNROLL _Pragma("GCC unroll 1")
#  endif
/* Prefetches memory that is needed soon. Any address is allowed. */
#  define GK_PREFETCH(address) __builtin_prefetch((const void *)(address))
/* Hides a value from the optimiser, so a loop that contains it is not removed. */
#  define GK_DO_NOT_OPTIMIZE(x) __asm__ volatile("" : "+r"(x))
#else
#  define GK_INLINE static inline
#  define GK_NOINLINE
#  define GK_UNUSED
#  define GK_LIKELY(x) (x)
#  define GK_UNLIKELY(x) (x)
#  define GK_RESTRICT
#  define GK_NO_UNROLL
#  define GK_PREFETCH(address) ((void)(address))
#endif

/* Thread-local variables. In a library that is loaded at run time, glibc allocates
 * them when a thread first uses one, and ends the process if there is no memory. With
 * the initial-exec model they are part of every thread from its creation, which can
 * report failure. All such libraries together share 1664 bytes, of which gilkit takes
 * less than 160. musl always allocates at creation, and rejects the attribute. */
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

/* The SIMD bodies need GNU C's vectors and, on x86-64, per-function instruction sets;
 * every aarch64 processor has NEON. Elsewhere only the scalar bodies are compiled. */
#if defined(__GNUC__) || defined(__clang__)
#  define GK_GNU_C 1
#else
#  define GK_GNU_C 0
#endif
#if defined(__x86_64__) && GK_GNU_C
#  define GK_X86 1
#  define GK_TARGET(features) __attribute__((target(features)))
#else
#  define GK_X86 0
#  define GK_TARGET(features)
#endif
#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__) && GK_GNU_C
#  define GK_NEON 1
#else
#  define GK_NEON 0
#endif

/* Two 64-byte lines: Intel's adjacent-line prefetcher fetches lines in pairs, so
 * variables 64 bytes apart still suffer from false sharing. Apple's processors have
 * 128-byte lines. */
#define GK_CACHE_LINE 128

/* In bytes: how far ahead software prefetches, in loops where the hardware prefetcher
 * falls behind (it also stops at the end of a page), and the distance between prefetches. */
enum { GK_PREFETCH_AHEAD = 8192, GK_PREFETCH_STEP = 64 };

/* Tells the core that this is a spin loop: it yields issue slots to its sibling
 * hyperthread, and avoids a memory-order mis-speculation when the loop ends. */
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
