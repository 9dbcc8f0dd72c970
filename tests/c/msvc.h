/* Included before each file when `tests/c/portability msvc` compiles the branches for Microsoft's compiler. The
 * system's headers are read here, while Clang still says what it is; their guards keep them from being read again. */
#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <immintrin.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <intrin.h>

#ifdef GK_WITH_WINDOWS /* not for all files, because it has names such as WORD */
#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>
#  include <process.h>
#  include <psapi.h>
#  undef WIN32_LEAN_AND_MEAN
#endif

#undef __GNUC__
#undef __clang__
#undef __SIZEOF_INT128__
