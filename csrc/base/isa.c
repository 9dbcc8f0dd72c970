#include "base/isa.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if GK_X86
#  include <cpuid.h>

/* The registers that the operating system saves on a context switch (XCR0). A processor
 * may have AVX-512 although the system does not save its registers. Relying on cpuid
 * alone would cause illegal instructions or, worse, corrupted registers. */
static unsigned long long saved_state(void)
{
    unsigned eax, edx;
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (unsigned long long)edx << 32 | eax;
}

static gk_isa_level detect(void)
{
    enum { XMM_YMM = 0x6, OPMASK_ZMM = 0xe0 };
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE) || !(ecx & bit_AVX))
        return GK_ISA_SCALAR;
    unsigned long long saved = saved_state();
    if ((saved & XMM_YMM) != XMM_YMM || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ||
        !(ebx & bit_AVX2))
        return GK_ISA_SCALAR;
    unsigned avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    if ((saved & OPMASK_ZMM) != OPMASK_ZMM || (ebx & avx512) != avx512)
        return GK_ISA_AVX2;
    return GK_ISA_AVX512;
}
#else
static gk_isa_level detect(void)
{
    return (gk_isa_level)(GK_ISA_LEVELS - 1);
}
#endif

static const char *const names[GK_ISA_LEVELS] = {
    [GK_ISA_SCALAR] = "scalar",
#if GK_X86
    [GK_ISA_AVX2] = "avx2",
    [GK_ISA_AVX512] = "avx512",
#elif GK_NEON
    [GK_ISA_NEON] = "neon",
#endif
};

const char *gk_isa_name(gk_isa_level level)
{
    return names[level];
}

gk_isa_level gk_isa_best(void)
{
    return detect();
}

/* -1: not detected yet. Threads that detect it at the same time store the same value. */
static _Atomic int current = -1;

static GK_NOINLINE gk_isa_level first_lookup(void)
{
    gk_isa_level best = detect(), level = best;
    const char *wanted = getenv("GILKIT_ISA");
    if (wanted != NULL)
        for (int i = 0; i <= (int)best; i++)
            if (strcmp(wanted, names[i]) == 0)
                level = (gk_isa_level)i;
    atomic_store(&current, (int)level);
    return level;
}

gk_isa_level gk_isa(void)
{
    int level = atomic_load_explicit(&current, memory_order_relaxed);
    return GK_LIKELY(level >= 0) ? (gk_isa_level)level : first_lookup();
}

int gk_set_isa(gk_isa_level level)
{
    if (level < GK_ISA_SCALAR || level > gk_isa_best())
        return -1;
    atomic_store(&current, (int)level);
    return 0;
}
