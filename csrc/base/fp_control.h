/* The floating-point control of a thread: the rounding mode, whether subnormal numbers
 * are flushed to zero, and which exceptions trap. Each thread has its own; on Linux a
 * new thread inherits it from its creator.
 *
 * The exception flags are not part of it. Setting the control keeps them.
 */
#ifndef GK_FP_CONTROL_H
#define GK_FP_CONTROL_H

#include <stdint.h>

#include "base/compiler.h"

#if defined(__x86_64__) || defined(_M_X64)
#  include <immintrin.h>
#  define GK_FP_X86 1
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#  define GK_FP_AARCH64 1
#else
#  include <fenv.h>
#  include <string.h>
#endif

#ifdef GK_FP_X86

typedef struct {
    uint32_t sse; /* MXCSR without its flags */
    uint16_t x87;
} gk_fp_control;

#  define GK_FP_DEFAULT_SSE 0x1f80u

enum { GK_FP_SSE_FLAGS = 0x3f };

/* Compilers do not know that arithmetic depends on the control. This barrier keeps loads and stores
 * on their side of a switch. */
#  if defined(__GNUC__) || defined(__clang__)
#    define GK_FP_SWITCH() __asm__ volatile("" ::: "memory")
#  else
#    define GK_FP_SWITCH() _ReadWriteBarrier()
#  endif

GK_INLINE uint32_t gk_fp_sse(void)
{
    return _mm_getcsr() & ~(uint32_t)GK_FP_SSE_FLAGS;
}

GK_INLINE void gk_fp_set_sse(uint32_t control)
{
    uint32_t now = _mm_getcsr();
    GK_FP_SWITCH();
    if (GK_UNLIKELY((now & ~(uint32_t)GK_FP_SSE_FLAGS) != control))
        _mm_setcsr(control | (now & GK_FP_SSE_FLAGS));
    GK_FP_SWITCH();
}

GK_INLINE gk_fp_control gk_fp_control_get(void)
{
    gk_fp_control control = {gk_fp_sse(), 0};
#  if defined(__GNUC__) || defined(__clang__)
    __asm__ volatile("fnstcw %0" : "=m"(control.x87));
#  endif
    return control;
}

GK_INLINE void gk_fp_control_set(gk_fp_control control)
{
    gk_fp_set_sse(control.sse);
#  if defined(__GNUC__) || defined(__clang__)
    uint16_t now, flags;
    __asm__ volatile("fnstcw %0" : "=m"(now));
    if (GK_UNLIKELY(now != control.x87)) {
        /* Unmasking an exception whose flag is set traps at the next instruction. */
        __asm__ volatile("fnstsw %0" : "=m"(flags));
        if ((flags & ~control.x87 & 0x3f) != 0)
            __asm__ volatile("fnclex");
        __asm__ volatile("fldcw %0" : : "m"(control.x87));
    }
#  endif
}

/* The part that kernels depend on: they use no x87 instructions. */
typedef uint32_t gk_fp_saved;

/* Switches to the default control (round to nearest, keep subnormal numbers), for code
 * whose result must not depend on the caller's. gk_fp_restore() switches back. */
GK_INLINE gk_fp_saved gk_fp_use_default(void)
{
    uint32_t before = gk_fp_sse();
    gk_fp_set_sse(GK_FP_DEFAULT_SSE);
    return before;
}

GK_INLINE void gk_fp_restore(gk_fp_saved saved)
{
    gk_fp_set_sse(saved);
}

#elif defined(GK_FP_AARCH64)

typedef uint64_t gk_fp_control; /* FPCR; the flags are in FPSR */

GK_INLINE gk_fp_control gk_fp_control_get(void)
{
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

GK_INLINE void gk_fp_control_set(gk_fp_control control)
{
    if (GK_UNLIKELY(gk_fp_control_get() != control))
        __asm__ volatile("msr fpcr, %0" : : "r"(control) : "memory");
}

typedef gk_fp_control gk_fp_saved;

GK_INLINE gk_fp_saved gk_fp_use_default(void)
{
    gk_fp_control before = gk_fp_control_get();
    gk_fp_control_set(0);
    return before;
}

GK_INLINE void gk_fp_restore(gk_fp_saved saved)
{
    gk_fp_control_set(saved);
}

#else

typedef fenv_t gk_fp_control;

GK_INLINE gk_fp_control gk_fp_control_get(void)
{
    fenv_t control;
    memset(&control, 0, sizeof control);
    fegetenv(&control);
    return control;
}

GK_INLINE void gk_fp_control_set(gk_fp_control control)
{
    fenv_t now = gk_fp_control_get();
    if (memcmp(&now, &control, sizeof now) != 0) { /* if only the flags differ, this has no effect */
        fexcept_t flags;
        fegetexceptflag(&flags, FE_ALL_EXCEPT);
        fesetenv(&control);
        fesetexceptflag(&flags, FE_ALL_EXCEPT);
    }
}

typedef gk_fp_control gk_fp_saved;

GK_INLINE gk_fp_saved gk_fp_use_default(void)
{
    fenv_t before = gk_fp_control_get();
    fexcept_t flags;
    fegetexceptflag(&flags, FE_ALL_EXCEPT);
    fesetenv(FE_DFL_ENV);
    fesetexceptflag(&flags, FE_ALL_EXCEPT);
    return before;
}

GK_INLINE void gk_fp_restore(gk_fp_saved saved)
{
    gk_fp_control_set(saved);
}

#endif

#endif
