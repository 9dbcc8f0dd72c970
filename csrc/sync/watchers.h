/* Who watches each acquire and release: greenlets, and the detection of deadlocks. */
#ifndef GK_SYNC_WATCHERS_H
#define GK_SYNC_WATCHERS_H

#include <stdatomic.h>

/* Not 0 if acquire and release must take the slow path, in any interpreter of the process:
 * GK_SYNC_GREENLETS if greenlets may switch within a thread, plus GK_SYNC_DETECTION for
 * each interpreter that detects deadlocks. */
enum { GK_SYNC_GREENLETS = 1, GK_SYNC_DETECTION = 2 };
extern _Atomic int gk_sync_watchers;

#endif
