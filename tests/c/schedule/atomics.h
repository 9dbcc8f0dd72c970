/* Included before everything else: each atomic operation of csrc/runtime is a step of the scheduler. */
#ifndef SCHEDULE_ATOMICS_H
#define SCHEDULE_ATOMICS_H

#include <stdatomic.h>

void schedule_step(void);

#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_exchange
#undef atomic_exchange_explicit
#undef atomic_fetch_add
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_and
#undef atomic_fetch_or
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak
#undef atomic_compare_exchange_weak_explicit

#define SEQ_CST __ATOMIC_SEQ_CST
#define atomic_load(p) (schedule_step(), __c11_atomic_load(p, SEQ_CST))
#define atomic_load_explicit(p, order) (schedule_step(), __c11_atomic_load(p, SEQ_CST))
#define atomic_store(p, value) (schedule_step(), __c11_atomic_store(p, value, SEQ_CST))
#define atomic_store_explicit(p, value, order) (schedule_step(), __c11_atomic_store(p, value, SEQ_CST))
#define atomic_exchange(p, value) (schedule_step(), __c11_atomic_exchange(p, value, SEQ_CST))
#define atomic_exchange_explicit(p, value, order) (schedule_step(), __c11_atomic_exchange(p, value, SEQ_CST))
#define atomic_fetch_add(p, value) (schedule_step(), __c11_atomic_fetch_add(p, value, SEQ_CST))
#define atomic_fetch_add_explicit(p, value, order) (schedule_step(), __c11_atomic_fetch_add(p, value, SEQ_CST))
#define atomic_fetch_sub(p, value) (schedule_step(), __c11_atomic_fetch_sub(p, value, SEQ_CST))
#define atomic_fetch_and(p, value) (schedule_step(), __c11_atomic_fetch_and(p, value, SEQ_CST))
#define atomic_fetch_or(p, value) (schedule_step(), __c11_atomic_fetch_or(p, value, SEQ_CST))
#define EXCHANGE(p, expected, value) \
    (schedule_step(), __c11_atomic_compare_exchange_strong(p, expected, value, SEQ_CST, SEQ_CST))
#define atomic_compare_exchange_strong(p, expected, value) EXCHANGE(p, expected, value)
#define atomic_compare_exchange_strong_explicit(p, expected, value, yes, no) EXCHANGE(p, expected, value)
#define atomic_compare_exchange_weak(p, expected, value) EXCHANGE(p, expected, value)
#define atomic_compare_exchange_weak_explicit(p, expected, value, yes, no) EXCHANGE(p, expected, value)

#endif
