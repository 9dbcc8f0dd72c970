/* The hazard: helpers use another rounding mode than the caller, flush subnormal numbers
 * when the caller does not, or keep the caller's control afterwards. */
#include <fenv.h>
#include <string.h>

#include "base/fp_control.h"
#include "meeting.h"
#include "stress.h"

/* The thread's floating-point control, as its results show it. */
typedef struct {
    int upward, flushes;
} behaviour;

static behaviour behaviour_of_this_thread(void)
{
    volatile double one = 1, tiny = 0x1p-60, least = 0x1p-1022;
    volatile double sum = one + tiny, half = least * 0.5;
    return (behaviour){sum > 1, half == 0};
}

static void behaves(void *data)
{
    behaviour wanted = *(behaviour *)data, mine = behaviour_of_this_thread();
    CHECK(mine.upward == wanted.upward && mine.flushes == wanted.flushes);
    volatile long double one = 1, tiny = 0x1p-200L; /* uses the x87 unit on x86 */
    CHECK((one + tiny > 1) == wanted.upward);
}

static void spoil(void *unused)
{
    (void)unused;
    if (gk_participant() != 0)
        fesetround(FE_DOWNWARD);
}

static void flush_to_zero(int on)
{
#if defined(GK_FP_X86)
    _mm_setcsr(on ? _mm_getcsr() | 0x8040 : _mm_getcsr() & ~0x8040u);
#elif defined(GK_FP_AARCH64)
    uint64_t control = gk_fp_control_get();
    gk_fp_control_set(on ? control | 1 << 24 : control & ~(uint64_t)(1 << 24));
#else
    (void)on;
#endif
}

int main(void)
{
    time_limit(300);
    behaviour usual = behaviour_of_this_thread();
    CHECK(!usual.upward && !usual.flushes);
    for (int i = 0; i < rounds(50); i++) {
        for (int flush = 0; flush < 2; flush++)
            for (int upward = 0; upward < 2; upward++) {
                CHECK(fesetround(upward ? FE_UPWARD : FE_TONEAREST) == 0);
                flush_to_zero(flush);
                behaviour wanted = behaviour_of_this_thread();
                CHECK(wanted.upward == upward);
#if defined(GK_FP_X86) || defined(GK_FP_AARCH64)
                CHECK(wanted.flushes == flush);
#endif
                together(3, behaves, &wanted, (gk_options){0}); /* on new workers, then on the same ones */
                together(3, spoil, NULL, (gk_options){0});
                together(3, behaves, &wanted, (gk_options){0});
                flush_to_zero(0);
                fesetround(FE_TONEAREST);
                together(3, behaves, &usual, (gk_options){0});
                if (i % 2)
                    CHECK(gk_pool_stop());
            }
    }

    /* The thread's exception flags stay, and gk_fp_restore() restores the mode. */
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_DIVBYZERO);
    gk_fp_saved saved = gk_fp_use_default();
    CHECK(!behaviour_of_this_thread().upward);
    gk_fp_restore(saved);
    CHECK(behaviour_of_this_thread().upward && fetestexcept(FE_DIVBYZERO));
    fesetround(FE_TONEAREST);
    CHECK(gk_pool_stop());
    return 0;
}
