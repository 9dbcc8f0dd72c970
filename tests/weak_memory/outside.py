"""The operations with an order stronger than relaxed that are part of no race, and why their order does not matter."""

from __future__ import annotations

from fnmatch import fnmatchcase

from source import Site

FORK = "around a fork: one thread runs, or all others are stopped"
LOCKED = "every other access that matters is under the same lock"
SETTING = "a number on its own: no other memory is read because of it, so any recent value will do"
HINT = "a guess that only costs time if it is out of date: the decision is checked later, in one of the races"
JOINED = "the threads that write it have ended, or begin afterwards"

# File, function and variable, as patterns.
OUTSIDE = {
    "cancel.c gk_cancel_token_set reason": "a flag on its own, which is read again after each chunk",
    "cancel.c gk_regions_after_fork_in_child *": FORK,
    "limits.c read_environment *": "as `threads` in [first-settings]",
    "limits.c gk_set_python_cpu_count python": SETTING,
    "pool.c gk_pool_after_fork_in_child *": FORK,
    "pool.c worker_main forks": FORK,
    "pool.c usable_cores *": SETTING,
    "pool.c * threads_set": SETTING,
    "pool.c * spin": SETTING,
    "pool.c * retry_start_at": SETTING,
    "pool.c gk_pool_* *": SETTING,
    "pool.c * workers": "changes under the lock; without it, a number that decides whether to try",
    "pool.c find_region closed": HINT,  # the second one is in [close-join]
    "pool.c * watched": HINT,
    "pool.c * lazily": HINT,
    "pool.c keep_watch epoch": HINT,
    "pool.c worker_main stop": HINT,
    "pool.c park looking": HINT,
    "pool.c worker_main looking": "the same thread subtracts itself again before it sleeps: [look-away]",
    "pool.c start_workers looking": "as worker_main, or the start fails: [look-away]",
    "pool.c ensure_watch looking": LOCKED,  # the second one
    "pool.c start_workers stop": LOCKED,
    "pool.c start_workers sleepers": "as in ensure_watch: [look-away]",
    "pool.c stop_idle_workers stop": JOINED,  # the second one
    "pool.c stop_idle_workers closed": "opens the pool again: a worker that sees it late looks for work again",
    "slots.c gk_callers work_mask": "as gk_offers, or a number that decides whether to try",
    "slots.c gk_stuck_offer word": HINT,
    "slots.c gk_publish threads": SETTING,
    "slots.c gk_retire work_mask": "one word, which is changed in one step; [give-back] clears the bit for good",
    "slots.c end_sharing *": "one word, which is changed in one step; no helper is inside afterwards: [move-stack]",
    "slots.c gk_set_regions_aside resets": FORK,
    "slots.c gk_resume_regions resets": FORK,
    "slots.c gk_resume_regions work_mask": SETTING,
    "slots.c gk_slots_reset *": FORK,
    "contend.c optimistic_with_work value": "one word; its threads are joined before anything else is read",
    "contend.c start_together awake": HINT,
    "contend.c gk_contend_run stop": HINT,
    "counter.[ch] gk_atomic_* careful": "each thread sees its own mark, and there is room for one addition of each",
    "counter.h gk_atomic_add value": "the first guess of a loop",
    "fork.c gk_fork_watch_with hooks": "a constant function, which the forking thread has registered itself",
    "ping_pong.c gk_ping_pong_run stop": "the token that is passed afterwards makes it visible: [token-pass]",
    "queue.c gk_queue_lock queue_lock": FORK,  # the second one; the first is in [queue-lock]
    "sharded.c * careful": "each thread sees its own mark, and there is room for one addition of each",
    "sharded.c add_carefully count": LOCKED,
    "sharded.c gk_sharded_release *": "after the last reference is gone: [last-reference]",
    "sharded.c gk_sharded_take_cell *": LOCKED,
    "sharded.c gk_sharded_give_cell *": LOCKED,
}


def line_of(site: Site) -> str | None:
    """Return the line of the table that says why an operation is part of no race."""
    name = f"{site.file} {site.function} {site.name}"
    return next((pattern for pattern in OUTSIDE if fnmatchcase(name, pattern)), None)
