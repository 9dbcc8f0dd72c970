#include "sync/watchers.h"

_Atomic int gk_sync_watchers;
