/* The vector intrinsics of NEON, and those of x86-64 for functions that have their own instruction set (GK_TARGET). */
#ifndef GK_VECTORS_H
#define GK_VECTORS_H

#include "base/compiler.h"

#if GK_NEON
#  include <arm_neon.h>
#endif

#if GK_X86
#  include <immintrin.h>

/* With Microsoft's headers, Clang's <immintrin.h> defines only what the instruction set of the
 * command line has. */
#  if defined(__clang__) && defined(_MSC_VER)
#    include <smmintrin.h>
#    include <avxintrin.h>
#    include <avx2intrin.h>
#    include <avx512fintrin.h>
#    include <avx512vlintrin.h>
#    include <avx512bwintrin.h>
#    include <avx512dqintrin.h>
#    include <avx512vlbwintrin.h>
#    include <avx512vldqintrin.h>
#  endif
#endif

#endif
