/* Whether greenlets or the detection of deadlocks need to know of each acquire and release. */
#ifndef GK_SYNC_WATCHERS_H
#define GK_SYNC_WATCHERS_H

#include <stdatomic.h>

enum { GK_SYNC_GREENLETS = 1, GK_SYNC_DETECTION = 2 };

/* GK_SYNC_GREENLETS if greenlets may switch within a thread, plus GK_SYNC_DETECTION for each
 * interpreter of the process that detects deadlocks. If it is 0, acquire and release take
 * the fast path. */
extern _Atomic int gk_sync_watchers;

#endif
