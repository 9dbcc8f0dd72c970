"""The races of csrc/runtime, as its README.md names them."""

from __future__ import annotations

from races import race

# slots.c, in fewer bits
HELPER, ROOM, OPEN, RESERVED, WAITED, FOREIGN = 0x1, 0x10, 0x100, 0x200, 0x400, 0x800
HELPERS, ROOMS = 0xF, 0xF0
BIT = 1


def join(t):
    def one_more(seen):
        t.until(seen & OPEN)
        t.until(seen & ROOMS)
        return seen + HELPER - ROOM

    return t.swap_loop("word", one_more, "slots.c gk_join")


def wait_for_helpers(t, sleeping=False):
    if sleeping:
        t.until((t.fetch_or("word", WAITED, "slots.c wait_for_helpers") & HELPERS) == 0)
    else:
        t.until((t.load("word", "slots.c wait_for_helpers") & HELPERS) == 0)


def retire(t, place="slots.c gk_retire", sleeping=False):
    if t.fetch_and("word", ~OPEN, place) & HELPERS:
        wait_for_helpers(t, sleeping)


def leave(t):
    return t.fetch_sub("word", HELPER, "slots.c gk_leave")


def settle_offer(t):
    seen = t.load("word", "slots.c settle_offer")
    for _ in range(2):
        settled = seen
        if (settled & OPEN) != 0 and (settled & ROOMS) != 0:
            t.fetch_or("work_mask", BIT, "slots.c settle_offer")
        else:
            t.fetch_and("work_mask", ~BIT, "slots.c settle_offer")
        seen = t.load("word", "slots.c settle_offer #2")
        if ((seen ^ settled) & OPEN) == 0 and ((seen & ROOMS) != 0) == ((settled & ROOMS) != 0):
            return
    t.until(0)


def withdraw_offer(t):
    if t.load("work_mask", "slots.c gk_withdraw_offer") & BIT:
        t.fetch_and("work_mask", ~BIT, "slots.c gk_withdraw_offer")


@race("publish-join", word=RESERVED, region=0)
def publish_join(r):
    @r.thread
    def caller(t):
        t.set("region", 1)
        t.store("word", RESERVED | OPEN | ROOM, "slots.c gk_publish")

    @r.thread
    def helper(t):
        join(t)
        return t.get("region")

    r.forbid(lambda x: x["helper"] == 0)


@race("free-claim", word=RESERVED | OPEN | HELPER, region=1)
def free_claim(r):
    @r.thread
    def helper(t):
        region = t.get("region")
        leave(t)
        return region

    @r.thread
    def first(t):
        retire(t)
        t.store("word", 0, "slots.c gk_retire")

    @r.thread
    def second(t):
        t.until(t.compare_exchange("word", 0, RESERVED, "slots.c gk_publish"))
        t.set("region", 2)

    r.forbid(lambda x: x["helper"] == 2)


@race("offer-open", word=RESERVED | ROOM, work_mask=0)
def offer_open(r):
    @r.thread
    def caller(t):
        t.fetch_add("work_mask", BIT, "slots.c gk_publish")
        t.store("word", RESERVED | OPEN | ROOM, "slots.c gk_publish")

    @r.thread
    def worker(t):
        join(t)
        settle_offer(t)

    r.forbid(lambda x: x.final("work_mask") != 0)


@race("join-retire", word=RESERVED | OPEN | ROOM, stack=1)
def join_retire(r):
    @r.thread
    def caller(t):
        retire(t)
        t.set("stack", 2)

    @r.thread
    def helper(t):
        join(t)
        seen = t.get("stack")
        leave(t)
        return seen

    r.forbid(lambda x: x["helper"] == 2)


@race("move-stack", word=RESERVED | OPEN | ROOM, stack=1)
def move_stack(r):
    @r.thread
    def caller(t):
        retire(t, "slots.c end_sharing")
        t.set("stack", 2)

    @r.thread
    def helper(t):
        join(t)
        seen = t.get("stack")
        leave(t)
        return seen

    r.forbid(lambda x: x["helper"] == 2)


def leave_return(r, sleeping):
    for number in (1, 2):

        def helper(t, number=number):
            t.set(f"result{number}", 1)
            leave(t)

        r.threads[f"helper{number}"] = helper

    @r.thread
    def caller(t):
        retire(t, sleeping=sleeping)
        return t.get("result1"), t.get("result2")

    r.forbid(lambda x: x["caller"] != (1, 1))


@race("leave-return", "the caller spins", word=RESERVED | OPEN | 2 * HELPER, result1=0, result2=0)
def leave_return_spinning(r):
    leave_return(r, sleeping=False)


@race("leave-return", "the caller sleeps", word=RESERVED | OPEN | 2 * HELPER, result1=0, result2=0)
def leave_return_sleeping(r):
    leave_return(r, sleeping=True)


@race("end-return", word=RESERVED | OPEN | HELPER, status=0)
def end_return(r):
    @r.thread
    def helper(t):
        t.compare_exchange("status", 0, 1, "cancel.c gk_region_cancel")
        leave(t)

    @r.thread
    def caller(t):
        retire(t)
        return t.load("status", "parallel.c gk_parallel_for")

    r.forbid(lambda x: x["caller"] == 0)


@race("leave-sleep", word=RESERVED | HELPER)
def leave_sleep(r):
    @r.thread
    def caller(t):
        seen = t.fetch_or("word", WAITED, "slots.c wait_for_helpers") | WAITED
        if seen & HELPERS:
            t.sleep_while("word", seen)

    @r.thread
    def helper(t):
        seen = leave(t)
        if (seen & HELPERS) == 1 and (seen & WAITED) != 0:
            t.wake("word")

    r.forbid(lambda x: x.sleeps_forever("caller"))


def offer_park(r, place):
    @r.thread
    def caller(t):
        t.fetch_add("work_mask", BIT, "slots.c gk_publish")
        return t.load("sleepers", place)

    @r.thread
    def worker(t):
        t.fetch_add("sleepers", 1, "pool.c park")
        return t.load("work_mask", "slots.c gk_offers")

    r.forbid(lambda x: x["caller"] == x["worker"] == 0)


@race("offer-park", work_mask=0, sleepers=0)
def offer_park_wake(r):
    offer_park(r, "pool.c wake")


@race("offer-park", "the caller counts busy threads", work_mask=0, sleepers=0)
def offer_park_busy(r):
    offer_park(r, "pool.c busy_threads")


@race("wake-sleep", work_mask=0, sleepers=0, epoch=0)
def wake_sleep(r):
    @r.thread
    def caller(t):
        t.fetch_add("work_mask", BIT, "slots.c gk_publish")
        if t.load("sleepers", "pool.c wake"):
            t.fetch_add("epoch", 1, "pool.c wake_sleepers")
            t.wake("epoch")

    @r.thread
    def worker(t):
        epoch = t.load("epoch", "pool.c park")
        t.fetch_add("sleepers", 1, "pool.c park")
        if t.load("work_mask", "slots.c gk_offers") == 0 and t.load("epoch", "pool.c park #2") == epoch:
            t.sleep_while("epoch", epoch)

    r.forbid(lambda x: x.sleeps_forever("worker"))


@race("wake-sleep", "the worker has just woken", work_mask=0, sleepers=1, epoch=0)
def wake_sleep_again(r):
    """The caller may see the worker's previous sleep, and wake nobody."""

    @r.thread
    def caller(t):
        t.fetch_add("work_mask", BIT, "slots.c gk_publish")
        if t.load("sleepers", "pool.c wake"):
            t.fetch_add("epoch", 1, "pool.c wake_sleepers")
            t.wake("epoch")

    @r.thread
    def worker(t):
        t.fetch_sub("sleepers", 1, "pool.c park")
        epoch = t.load("epoch", "pool.c park")
        t.fetch_add("sleepers", 1, "pool.c park")
        if t.load("work_mask", "slots.c gk_offers") == 0:
            t.sleep_while("epoch", epoch)

    r.forbid(lambda x: x.sleeps_forever("worker"))


@race("stop-park", stop=0, sleepers=0, epoch=0)
def stop_park(r):
    @r.thread
    def stopper(t):
        t.store("stop", 1, "pool.c stop_idle_workers")
        t.fetch_add("epoch", 1, "pool.c stop_idle_workers")
        t.wake("epoch")

    @r.thread
    def worker(t):
        epoch = t.load("epoch", "pool.c park")
        t.fetch_add("sleepers", 1, "pool.c park")
        if t.load("stop", "pool.c park") == 0 and t.load("epoch", "pool.c park #2") == epoch:
            t.sleep_while("epoch", epoch)

    r.forbid(lambda x: x.sleeps_forever("worker"))


@race("close-join", closed=0, word=RESERVED | OPEN | ROOM)
def close_join(r):
    @r.thread
    def stopper(t):
        t.store("closed", 1, "pool.c stop_idle_workers")
        return t.load("word", "slots.c gk_helpers_inside") & HELPERS

    @r.thread
    def worker(t):
        join(t)
        return t.load("closed", "pool.c find_region #2")

    r.forbid(lambda x: x["stopper"] == x["worker"] == 0)


def give_back_to_closed(r, place):
    @r.thread
    def caller(t):
        t.fetch_and("word", ~OPEN, place)
        withdraw_offer(t)
        wait_for_helpers(t)

    @r.thread
    def helper(t):
        t.fetch_add("word", ROOM, "slots.c gk_give_back")
        settle_offer(t)
        leave(t)

    r.forbid(lambda x: x.final("work_mask") != 0)


@race("give-back", "to a region that ends", word=RESERVED | OPEN | HELPER, work_mask=0)
def give_back_retire(r):
    give_back_to_closed(r, "slots.c gk_retire")


@race("give-back", "to a region that is set aside", word=RESERVED | OPEN | HELPER, work_mask=0)
def give_back_aside(r):
    give_back_to_closed(r, "slots.c end_sharing")


@race("give-back", "while another takes the last place", word=RESERVED | OPEN | HELPER, work_mask=0)
def give_back_take(r):
    @r.thread
    def one(t):
        t.fetch_add("word", ROOM, "slots.c gk_give_back")
        settle_offer(t)

    @r.thread
    def other(t):
        join(t)
        settle_offer(t)

    r.forbid(lambda x: x.final("work_mask") != 0)


def look_away(r, place):
    @r.thread
    def caller(t):
        t.until(t.compare_exchange("word", 0, RESERVED | FOREIGN | ROOM, "slots.c gk_publish"))
        t.fetch_add("work_mask", BIT, "slots.c gk_publish")
        return t.load("looking", "pool.c ensure_watch")

    @r.thread
    def worker(t):
        t.fetch_sub("looking", 1, place)
        offered = t.load("work_mask", "slots.c gk_offers")
        word = t.load("word", "slots.c gk_foreign_offer")
        return (offered & BIT) != 0 and (word & FOREIGN) != 0 and (word & ROOMS) != 0

    r.forbid(lambda x: x["caller"] > 0 and not x["worker"])


@race("look-away", "into a region", word=0, work_mask=0, looking=1)
def look_away_region(r):
    look_away(r, "pool.c look_away")


@race("look-away", "a start that failed", word=0, work_mask=0, looking=1)
def look_away_failed(r):
    look_away(r, "pool.c start_workers")


@race("look-away", "to sleep", work_mask=0, looking=1, sleepers=0, epoch=0)
def look_away_sleep(r):
    @r.thread
    def caller(t):
        t.fetch_add("work_mask", BIT, "slots.c gk_publish")
        if t.load("looking", "pool.c ensure_watch") == 0 and t.load("sleepers", "pool.c ensure_watch") > 0:
            t.fetch_add("epoch", 1, "pool.c wake_sleepers")
            t.wake("epoch")

    @r.thread
    def worker(t):
        epoch = t.load("epoch", "pool.c park")
        t.fetch_add("sleepers", 1, "pool.c park")
        t.fetch_sub("looking", 1, "pool.c park")
        if t.load("work_mask", "slots.c gk_offers") == 0:
            t.sleep_while("epoch", epoch)

    r.forbid(lambda x: x.sleeps_forever("worker"))


@race("look-away", "a stop", work_mask=0, looking=1)
def look_away_stop(r):
    @r.thread
    def caller(t):
        t.fetch_add("work_mask", BIT, "slots.c gk_publish")
        return t.load("looking", "pool.c ensure_watch")

    @r.thread
    def stopper(t):
        t.store("looking", 0, "pool.c stop_idle_workers")
        t.until(t.load("looking", "pool.c replace_watch") == 0)
        return t.load("work_mask", "slots.c gk_offers")

    r.forbid(lambda x: x["caller"] > 0 and x["stopper"] == 0)


@race("start-stop", locked=0, members=0)
def start_stop(r):
    @r.thread
    def one(t):
        t.until(t.exchange("locked", 1, "pool.c lock") == 0)
        t.set("members", t.get("members") + 1)
        t.store("locked", 0, "pool.c unlock")

    @r.thread
    def other(t):
        t.until(t.exchange("locked", 1, "pool.c try_lock") == 0)
        t.set("members", t.get("members") + 1)
        t.store("locked", 0, "pool.c unlock")

    r.forbid(lambda x: x.final("members") != 2)


@race("first-settings", threads=0, is_read=0)
def first_settings(r):
    @r.thread
    def reader(t):
        t.store("threads", 1, "limits.c read_environment")
        t.store("is_read", 1, "limits.c read_environment")

    @r.thread
    def user(t):
        t.until(t.load("is_read", "limits.c read_environment"))
        return t.load("threads", "limits.c gk_environment_threads")

    r.forbid(lambda x: x["user"] == 0)
