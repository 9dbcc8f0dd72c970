/* Which bodies of the kernels run: chosen once, from cpuid and GILKIT_ISA. */
#ifndef GK_ISA_H
#define GK_ISA_H

#include "base/compiler.h"

typedef enum { GK_ISA_SCALAR = 0, GK_ISA_AVX2 = 1, GK_ISA_AVX512 = 2 } gk_isa_level;

/* Features of each level, as in the compiler's target attribute. FMA belongs
 * to the processors of AVX2 but is left out: a fused multiply-add rounds once
 * where the scalar body rounds twice, and the bodies must agree to the bit. */
#define GK_AVX2_FEATURES "avx2"
#define GK_AVX512_FEATURES "avx512f,avx512bw,avx512dq,avx512vl" GK_WIDE_VECTORS

/* GCC makes 256-bit vectors of a plain loop unless told otherwise; Clang has no
 * such word in its attribute. */
#ifdef __clang__
#  define GK_WIDE_VECTORS
#else
#  define GK_WIDE_VECTORS ",prefer-vector-width=512"
#endif

/* The level in force: the best that processor and operating system have, or
 * what GILKIT_ISA asks for if they have it. */
gk_isa_level gk_isa(void);

/* The best level that this machine can run. */
gk_isa_level gk_isa_best(void);

/* Changes the level; returns 0, or -1 if this machine cannot run it. Not for
 * use while kernels run. */
int gk_set_isa(gk_isa_level level);

/* "scalar", "avx2" or "avx512". */
const char *gk_isa_name(gk_isa_level level);

/* GK_DISPATCH(name)(arguments): calls name_scalar, name_avx2 or name_avx512, which
 * base/foreach_isa.h makes. GK_DISPATCH_ADDRESS: of an object of that name. */
#if GK_X86
#  define GK_DISPATCH_(prefix, name) \
      (gk_isa() == GK_ISA_AVX512 ? prefix name##_avx512 : gk_isa() == GK_ISA_AVX2 ? prefix name##_avx2 : prefix name##_scalar)
#else
#  define GK_DISPATCH_(prefix, name) (prefix name##_scalar)
#endif
#define GK_DISPATCH(name) GK_DISPATCH_(, name)
#define GK_DISPATCH_ADDRESS(name) GK_DISPATCH_(&, name)

#endif
