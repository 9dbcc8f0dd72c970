/* Includes a file once per instruction set.
 *
 *   #define FOREACH_ISA "kernels/demo/pi_template.h"
 *   #include "base/foreach_isa.h"
 *
 * The file sees
 *   NAME(x)  x with the suffix of the instruction set: x_scalar, x_neon, x_avx2, x_avx512
 *   TARGET   the function attribute of the instruction set
 *   ISA      its number: 0 (scalar), 1 (NEON), 2 (AVX2) or 5 (AVX-512), for #if
 * and GK_DISPATCH(x) (base/isa.h) chooses among the functions it defines. A new
 * instruction set is added only here and in base/isa.h. */

#include "base/compiler.h"
#include "base/isa.h"

#define ISA 0
#define NAME(x) x##_scalar
#define TARGET
#include FOREACH_ISA
#undef ISA
#undef NAME
#undef TARGET

#if GK_NEON
#  define ISA 1
#  define NAME(x) x##_neon
#  define TARGET
#  include FOREACH_ISA
#  undef ISA
#  undef NAME
#  undef TARGET
#endif

#if GK_X86
#  define ISA 2
#  define NAME(x) x##_avx2
#  define TARGET GK_TARGET(GK_AVX2_FEATURES)
#  include FOREACH_ISA
#  undef ISA
#  undef NAME
#  undef TARGET

#  define ISA 5
#  define NAME(x) x##_avx512
#  define TARGET GK_TARGET(GK_AVX512_FEATURES)
#  include FOREACH_ISA
#  undef ISA
#  undef NAME
#  undef TARGET
#endif

#undef FOREACH_ISA
