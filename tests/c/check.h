/* CHECK(condition): if it is false, prints where and ends the test program. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

/* Defined under AddressSanitizer and ThreadSanitizer. Neither survives a fork in a process with
 * other threads. ThreadSanitizer still tracks the parent's threads in the child, and reports the
 * reuse of their stacks as an internal error. AddressSanitizer's locks may be held by another
 * thread at the fork, and then no new thread of the child can run. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#  define SANITIZED 1
#elif defined(__has_feature)
#  if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#    define SANITIZED 1
#  endif
#endif

#endif
