/* The instruction set that kernels use, chosen once from the processor and GILKIT_ISA. */
#ifndef GK_ISA_H
#define GK_ISA_H

#include "base/compiler.h"

/* Those of this processor's family. A processor that has one also has all before it. */
typedef enum {
    GK_ISA_SCALAR = 0,
#if GK_X86
    GK_ISA_AVX2,
    GK_ISA_AVX512,
#elif GK_NEON
    GK_ISA_NEON,
#endif
    GK_ISA_LEVELS
} gk_isa_level;

/* Features of each level, for the compiler's target attribute. Processors with AVX2
 * also have FMA, but a fused multiply-add rounds once where the scalar body rounds
 * twice, and all bodies must give the same bits. */
#define GK_AVX2_FEATURES "avx2"
#define GK_AVX512_FEATURES "avx512f,avx512bw,avx512dq,avx512vl" GK_WIDE_VECTORS

/* GCC vectorises plain loops with 256 bits by default. Clang's attribute has no such
 * option. */
#ifdef __clang__
#  define GK_WIDE_VECTORS
#else
#  define GK_WIDE_VECTORS ",prefer-vector-width=512"
#endif

/* The current level: the one that GILKIT_ISA asks for if this machine can run it, else
 * the best one. */
gk_isa_level gk_isa(void);

/* The best level that the processor and the operating system support. */
gk_isa_level gk_isa_best(void);

/* Changes the level. Returns 0, or -1 if this machine cannot run it. Must not be
 * called while kernels run. */
int gk_set_isa(gk_isa_level level);

/* "scalar", "neon", "avx2" or "avx512". */
const char *gk_isa_name(gk_isa_level level);

/* GK_DISPATCH(name)(arguments) calls name_scalar, name_neon, name_avx2 or name_avx512, which
 * base/foreach_isa.h defines. GK_DISPATCH_ADDRESS(name) is the address of such an object. */
#if GK_X86
#  define GK_DISPATCH_(prefix, name) \
      (gk_isa() == GK_ISA_AVX512 ? prefix name##_avx512 : gk_isa() == GK_ISA_AVX2 ? prefix name##_avx2 : prefix name##_scalar)
#elif GK_NEON
#  define GK_DISPATCH_(prefix, name) (gk_isa() == GK_ISA_NEON ? prefix name##_neon : prefix name##_scalar)
#else
#  define GK_DISPATCH_(prefix, name) (prefix name##_scalar)
#endif
#define GK_DISPATCH(name) GK_DISPATCH_(, name)
#define GK_DISPATCH_ADDRESS(name) GK_DISPATCH_(&, name)

#endif
