"""The races of csrc/sync, as its README.md names them."""

from __future__ import annotations

from races import race

HELD, WAITERS = 1, 2  # lock.c; WRITER and WAITERS of rwlock.c
SLEPT_ON = 2  # queue.c
AWAKE, ASLEEP, GRANTED = 0, 1, 2
SET, SLEEPERS, ONCE = 1, 2, 4  # event.c
WRITER, READER = 1, 4


def lock_queue(t):
    t.until(t.compare_exchange("queue_lock", 0, HELD, "queue.c gk_queue_lock"))


def unlock_queue(t):
    t.exchange("queue_lock", 0, "queue.c gk_queue_unlock")


def signal(t):
    return t.exchange("waiter.state", GRANTED, "queue.c gk_queue_signal(word)")


def await_signal(t):
    t.until(t.load("waiter.state", "queue.c signalled") >= GRANTED)


@race("queue-lock", queue_lock=0, first=0)
def queue_lock(r):
    for name in ("one", "other"):

        def change(t):
            lock_queue(t)
            t.set("first", t.get("first") + 1)
            unlock_queue(t)

        r.threads[name] = change
    r.forbid(lambda x: x.final("first") != 2)


@race("queue-lock", "to sleep", queue_lock=HELD)
def queue_lock_sleep(r):
    @r.thread
    def holder(t):
        if t.exchange("queue_lock", 0, "queue.c gk_queue_unlock") & SLEPT_ON:
            t.wake("queue_lock")

    @r.thread
    def waiter(t):
        if t.compare_exchange("queue_lock", HELD, HELD | SLEPT_ON, "queue.c gk_queue_lock #3"):
            t.sleep_while("queue_lock", HELD | SLEPT_ON)

    r.forbid(lambda x: x.sleeps_forever("waiter"))


# ---- Greenlets that sleep in their hub


@race("hub-sleep", sleepers=0, word=0)
def hub_sleep(r):
    @r.thread
    def waker(t):
        t.w("word", 1, "relaxed")
        return t.fetch_add("sleepers", 0, "hub.c gk_hub_wake")

    @r.thread
    def sleeper(t):
        t.fetch_add("sleepers", 1, "hub.c gk_hub_sleep")
        return t.load("word", "hub.c gk_hub_sleep")

    r.forbid(lambda x: x["waker"] == x["sleeper"] == 0)


@race("hub-lists", busy=0, first=0)
def hub_lists(r):
    for name in ("one", "other"):

        def change(t):
            t.until(t.exchange("busy", 1, "hub.c lock") == 0)
            t.set("first", t.get("first") + 1)
            t.store("busy", 0, "hub.c unlock")

        r.threads[name] = change
    r.forbid(lambda x: x.final("first") != 2)


# ---- Signals to waiters


@race("signal-return", waiter__state=AWAKE, waiter=1)
def signal_return(r):
    """The waiter is on the stack of a thread that returns and uses the memory for something else."""

    @r.thread
    def signaller(t):
        t.set("waiter", 2)
        signal(t)

    @r.thread
    def waiter(t):
        await_signal(t)
        seen = t.get("waiter")
        t.set("waiter", 3)
        return seen

    r.forbid(lambda x: x["waiter"] != 2 or x.final("waiter") != 3)


@race("signal-sleep", waiter__state=AWAKE)
def signal_sleep(r):
    @r.thread
    def signaller(t):
        if signal(t) == ASLEEP:
            t.wake("waiter.state")

    @r.thread
    def waiter(t):
        t.compare_exchange("waiter.state", AWAKE, ASLEEP, "queue.c sleep_until_signalled")
        if t.load("waiter.state", "queue.c signalled") < GRANTED:
            t.sleep_while("waiter.state", ASLEEP)

    r.forbid(lambda x: x.sleeps_forever("waiter"))


@race("signal-timeout", waiter__state=AWAKE, queue_lock=0, queued=1, data=0)
def signal_timeout(r):
    @r.thread
    def signaller(t):
        t.set("data", 1)
        lock_queue(t)
        t.set("queued", 0)
        signal(t)
        unlock_queue(t)

    @r.thread
    def waiter(t):
        lock_queue(t)
        t.until(t.get("queued") == 0)
        state = t.load("waiter.state", "queue.c gk_waiter_wait")
        return state, t.get("data")

    r.forbid(lambda x: x["waiter"] != (GRANTED, 1))


# ---- Locks

RELEASES = {
    "the fast release": lambda t: t.until(t.compare_exchange("lock.state", HELD, 0, "lock.h gk_lock_try_release")),
    "a release": lambda t: t.until(t.compare_exchange("lock.state", HELD, 0, "lock.c gk_lock_release")),
    "a release with waiters": lambda t: t.fetch_and("lock.state", ~HELD, "lock.c gk_lock_release"),
}


def take(t, place):
    def held(seen):
        t.until((seen & HELD) == 0)
        return seen | HELD

    t.swap_loop("lock.state", held, place)


def lock_pass(r, release, place):
    @r.thread
    def holder(t):
        t.set("data", 1)
        release(t)

    @r.thread
    def next_holder(t):
        take(t, place)
        return t.get("data")

    r.forbid(lambda x: x["next_holder"] == 0)


for _way, _release in RELEASES.items():
    for _place in ("lock.h gk_lock_try", "lock.c try_keeping_waiters", "lock.c take_or_queue"):
        race("lock-pass", f"{_way}, {_place.split()[1]}", lock__state=HELD, data=0)(
            lambda r, release=_release, place=_place: lock_pass(r, release, place)
        )


@race("lock-pass", "another thread clears WAITERS in between", lock__state=HELD | WAITERS, data=0)
def lock_pass_between(r):
    @r.thread
    def holder(t):
        t.set("data", 1)
        t.fetch_and("lock.state", ~HELD, "lock.c gk_lock_release")

    @r.thread
    def leaver(t):
        t.fetch_and("lock.state", ~WAITERS, "lock.c leave")

    @r.thread
    def next_holder(t):
        t.until(t.compare_exchange("lock.state", 0, HELD, "lock.h gk_lock_try"))
        return t.get("data")

    r.forbid(lambda x: x["next_holder"] == 0)


@race("lock-pass", "the releasing thread clears WAITERS", lock__state=HELD | WAITERS, data=0)
def lock_pass_clearing(r):
    @r.thread
    def holder(t):
        t.set("data", 1)
        t.fetch_and("lock.state", ~HELD, "lock.c gk_lock_release")
        t.fetch_and("lock.state", ~WAITERS, "lock.c gk_lock_release #2")

    @r.thread
    def next_holder(t):
        t.until(t.compare_exchange("lock.state", 0, HELD, "lock.h gk_lock_try"))
        return t.get("data")

    r.forbid(lambda x: x["next_holder"] == 0)


@race("lock-pass", "handed over", waiter__state=AWAKE, data=0)
def lock_hand_over(r):
    @r.thread
    def holder(t):
        t.set("data", 1)
        signal(t)

    @r.thread
    def waiter(t):
        await_signal(t)
        t.until(t.load("waiter.state", "lock.c wait_for_lock") == GRANTED)
        return t.get("data")

    r.forbid(lambda x: x["waiter"] == 0)


@race("lock-queue", lock__state=HELD)
def lock_queue_up(r):
    """Either the release sees WAITERS, or the waiter sees that the lock is free."""

    @r.thread
    def holder(t):
        return t.compare_exchange("lock.state", HELD, 0, "lock.c gk_lock_release")

    @r.thread
    def waiter(t):
        seen = t.swap_loop("lock.state", lambda seen: HELD | WAITERS if seen & HELD else HELD, "lock.c take_or_queue")
        return seen & HELD

    r.forbid(lambda x: x["holder"] and x["waiter"] != 0)


# ---- Semaphore, condition


@race("release-queue", value=0, queue__count=0)
def release_queue(r):
    @r.thread
    def releaser(t):
        t.swap_loop("value", lambda value: value + 1, "semaphore.c gk_semaphore_release")
        return t.load("queue.count", "semaphore.c gk_semaphore_release")

    @r.thread
    def waiter(t):
        t.fetch_add("queue.count", 1, "queue.c added")
        return t.load("value", "semaphore.c take")

    r.forbid(lambda x: x["releaser"] == x["waiter"] == 0)


def take_permit(t, place):
    def less(value):
        t.until(value > 0)
        return value - 1

    t.swap_loop("value", less, place)


@race("permit-pass", value=0, data=0)
def permit_pass(r):
    @r.thread
    def releaser(t):
        t.set("data", 1)
        t.swap_loop("value", lambda value: value + 1, "semaphore.c gk_semaphore_release")

    @r.thread
    def taker(t):
        take_permit(t, "semaphore.h gk_semaphore_try")
        return t.get("data")

    r.forbid(lambda x: x["taker"] == 0)


@race("permit-pass", "granted by a third thread", value=0, waiter__state=AWAKE, data=0)
def permit_grant(r):
    @r.thread
    def releaser(t):
        t.set("data", 1)
        t.swap_loop("value", lambda value: value + 1, "semaphore.c gk_semaphore_release")

    @r.thread
    def granter(t):
        take_permit(t, "semaphore.c take")
        signal(t)

    @r.thread
    def waiter(t):
        await_signal(t)
        return t.get("data")

    r.forbid(lambda x: x["waiter"] == 0)


@race("notify-enter", lock__state=HELD, queue__count=0)
def notify_enter(r):
    @r.thread
    def waiter(t):
        t.fetch_add("queue.count", 1, "queue.c added")
        t.compare_exchange("lock.state", HELD, 0, "lock.c gk_lock_release")

    @r.thread
    def notifier(t):
        t.until(t.compare_exchange("lock.state", 0, HELD, "lock.h gk_lock_try"))
        return t.load("queue.count", "condition.c gk_condition_notify")

    r.forbid(lambda x: x["notifier"] == 0)


# ---- Event, latch


def set_event(t):
    return t.swap_loop(
        "event.state",
        lambda seen: seen if seen & SET else ((seen + ONCE) & ~SLEEPERS) | SET,
        "event.c gk_event_set",
    )


def event_pass(r, place):
    @r.thread
    def setter(t):
        t.set("data", 1)
        set_event(t)

    @r.thread
    def waiter(t):
        t.until(t.load("event.state", place) & SET)
        return t.get("data")

    r.forbid(lambda x: x["waiter"] == 0)


for _place in ("event.c gk_event_is_set", "event.c gk_event_wait", "event.c has_been_set"):
    race("event-pass", _place.split()[1], event__state=0, data=0)(lambda r, place=_place: event_pass(r, place))


@race("event-clear", event__state=SET, data=0)
def event_clear(r):
    """A thread that clears the event and then looks for work misses none that was there before the event was set."""

    @r.thread
    def setter(t):
        t.w("data", 1, "relaxed")
        set_event(t)

    @r.thread
    def clearer(t):
        t.fetch_and("event.state", ~SET, "event.c gk_event_clear")
        return t.r("data", "relaxed")

    r.forbid(lambda x: x["clearer"] == 0 and x.final("event.state") & SET == 0)


@race("event-sleep", event__state=0)
def event_sleep(r):
    @r.thread
    def setter(t):
        if set_event(t) & SLEEPERS:
            t.wake("event.state")

    @r.thread
    def waiter(t):
        before = t.load("event.state", "event.c gk_event_wait")
        if (before & SET) == 0:
            t.compare_exchange("event.state", before, before | SLEEPERS, "event.c gk_event_wait")
            t.sleep_while("event.state", before | SLEEPERS)

    r.forbid(lambda x: x.sleeps_forever("waiter"))


def latch_open(r, place):
    for number in (1, 2):

        def count_down(t, number=number):
            t.set(f"data{number}", 1)
            t.swap_loop("left", lambda left: left - 1, "event.c gk_latch_count_down")

        r.threads[f"thread{number}"] = count_down

    @r.thread
    def waiter(t):
        t.until(t.load("left", place) == 0)
        return t.get("data1"), t.get("data2")

    r.forbid(lambda x: x["waiter"] != (1, 1))


@race("latch-open", left=2, data1=0, data2=0)
def latch_left(r):
    latch_open(r, "event.h gk_latch_left")


@race("latch-open", "the last one sets the event", left=2, event__state=0, data=0)
def latch_event(r):
    @r.thread
    def first(t):
        t.set("data", 1)
        t.swap_loop("left", lambda left: left - 1, "event.c gk_latch_count_down")

    @r.thread
    def last(t):
        t.until(t.swap_loop("left", lambda left: left - 1, "event.c gk_latch_count_down") == 1)
        set_event(t)

    @r.thread
    def waiter(t):
        t.until(t.load("event.state", "event.c has_been_set") & SET)
        return t.get("data")

    r.forbid(lambda x: x["waiter"] == 0)


# ---- Readers and writers


def enter(t, kind):
    def entered(seen):
        t.until((seen & WRITER) == 0)
        t.until(seen < READER if kind == WRITER else 1)
        return seen + kind

    t.swap_loop("rwlock.state", entered, "rwlock.c try")


@race("read-write", rwlock__state=2 * READER, data=1)
def read_write(r):
    """A writer comes after the readers."""
    for name in ("one", "other"):

        def reader(t):
            seen = t.get("data")
            t.fetch_sub("rwlock.state", READER, "rwlock.c stop_reading")
            return seen

        r.threads[name] = reader

    @r.thread
    def writer(t):
        enter(t, WRITER)
        t.set("data", 2)

    r.forbid(lambda x: 2 in (x["one"], x["other"]))


@race("write-read", rwlock__state=WRITER, data=1)
def write_read(r):
    @r.thread
    def writer(t):
        t.set("data", 2)
        t.fetch_sub("rwlock.state", WRITER, "rwlock.c stop_writing")

    @r.thread
    def reader(t):
        enter(t, READER)
        return t.get("data")

    r.forbid(lambda x: x["reader"] == 1)


@race("read-write", "granted by a third thread", rwlock__state=READER | WAITERS, waiter__state=AWAKE, data=1)
def read_write_grant(r):
    @r.thread
    def reader(t):
        seen = t.get("data")
        t.fetch_sub("rwlock.state", READER, "rwlock.c stop_reading")
        return seen

    @r.thread
    def granter(t):
        t.until(t.load("rwlock.state", "rwlock.c grant_and_unlock") < READER)
        t.fetch_or("rwlock.state", WRITER, "rwlock.c grant_and_unlock")
        signal(t)

    @r.thread
    def writer(t):
        await_signal(t)
        t.set("data", 2)

    r.forbid(lambda x: x["reader"] == 2)


@race("write-read", "granted by a third thread", rwlock__state=WRITER | WAITERS, waiter__state=AWAKE, data=1)
def write_read_grant(r):
    @r.thread
    def writer(t):
        t.set("data", 2)
        t.fetch_sub("rwlock.state", WRITER, "rwlock.c stop_writing")

    @r.thread
    def granter(t):
        t.until((t.load("rwlock.state", "rwlock.c grant_and_unlock") & WRITER) == 0)
        t.fetch_add("rwlock.state", READER, "rwlock.c grant_and_unlock")
        signal(t)

    @r.thread
    def reader(t):
        await_signal(t)
        return t.get("data")

    r.forbid(lambda x: x["reader"] == 1)


@race("last-reader", rwlock__state=READER)
def last_reader(r):
    """Either the last reader sees WAITERS, or the waiter sees that no reader is left."""

    @r.thread
    def reader(t):
        return t.fetch_sub("rwlock.state", READER, "rwlock.c stop_reading") - READER == WAITERS

    @r.thread
    def waiter(t):
        t.fetch_or("rwlock.state", WAITERS, "rwlock.c queue_up")
        return t.load("rwlock.state", "rwlock.c grant_and_unlock") < READER

    r.forbid(lambda x: not x["reader"] and not x["waiter"])


# ---- Barrier


@race("barrier-meet", queue_lock=0, arrived=0, waiter__state=AWAKE, first=0, last=0)
def barrier_meet(r):
    @r.thread
    def first(t):
        t.set("first", 1)
        lock_queue(t)
        t.store("arrived", 1, "barrier.c arrive_and_wait")
        unlock_queue(t)
        await_signal(t)
        return t.get("last")

    @r.thread
    def last(t):
        t.set("last", 1)
        lock_queue(t)
        t.until(t.load("arrived", "barrier.c arrive_and_wait"))
        signal(t)
        return t.get("first")

    r.forbid(lambda x: 0 in (x["first"], x["last"]))


# ---- Counters


def last_reference(r, place):
    for name in ("one", "other"):

        def release(t):
            seen = t.get("memory")
            if t.fetch_sub("references", 1, place) == 1:
                t.set("memory", 0)  # free()
            return seen

        r.threads[name] = release
    r.forbid(lambda x: 0 in (x["one"], x["other"]))


@race("last-reference", references=2, memory=1)
def counter_reference(r):
    last_reference(r, "counter.c gk_counter_release")


@race("last-reference", "of a sharded counter", references=2, memory=1)
def sharded_reference(r):
    last_reference(r, "sharded.c gk_sharded_release")


@race("counter-order", x__value=0, y__value=0)
def counter_order(r):
    """Atomic counters are sequentially consistent."""

    @r.thread
    def one(t):
        t.fetch_add("x.value", 1, "counter.h gk_atomic_add")
        return t.load("y.value", "counter.h gk_counter_value")

    @r.thread
    def other(t):
        t.exchange("y.value", 1, "counter.c gk_atomic_exchange")
        return t.load("x.value", "counter.h gk_counter_value")

    r.forbid(lambda x: x["one"] == x["other"] == 0)


@race("counter-order", "compare and set", x__value=0, y__value=0)
def counter_order_swap(r):
    @r.thread
    def one(t):
        t.compare_exchange("x.value", 0, 1, "counter.c gk_atomic_compare_and_set")
        return t.load("y.value", "counter.h gk_counter_value")

    @r.thread
    def other(t):
        t.swap_loop("y.value", lambda value: value + 1, "counter.h gk_atomic_add")
        return t.load("x.value", "counter.h gk_counter_value")

    r.forbid(lambda x: x["one"] == x["other"] == 0)


def count_pass(r, add):
    @r.thread
    def adder(t):
        t.set("data", 1)
        add(t)

    @r.thread
    def reader(t):
        t.until(t.load("cell.count", "sharded.c sum_of") == 1)
        return t.get("data")

    r.forbid(lambda x: x["reader"] == 0)


@race("count-pass", "a shared cell", cell__count=0, data=0)
def count_pass_shared(r):
    count_pass(r, lambda t: t.fetch_add("cell.count", 1, "sharded.c gk_sharded_add"))


@race("count-pass", "a cell of one thread", cell__count=0, data=0)
def count_pass_own(r):
    count_pass(r, lambda t: t.store("cell.count", 1, "sharded.c gk_sharded_add_to_cell"))


@race("sum-reset", cell__count=0, base=0)
def sum_reset(r):
    """A reader that sees the new base sees at least what the reset has counted, or the sum would be below zero."""

    @r.thread
    def adder(t):
        t.store("cell.count", 1, "sharded.c gk_sharded_add_to_cell")

    @r.thread
    def resetter(t):
        t.until(t.load("cell.count", "sharded.c sum_of") == 1)
        t.exchange("base", -1, "sharded.c gk_sharded_reset")

    @r.thread
    def reader(t):
        base = t.load("base", "sharded.c gk_sharded_value")
        return base + t.load("cell.count", "sharded.c sum_of")

    r.forbid(lambda x: x["reader"] < 0)


@race("new-block", blocks=0, block=0)
def new_block(r):
    @r.thread
    def taker(t):
        t.set("block", 1)
        t.store("blocks", 1, "sharded.c gk_sharded_take_cell")

    @r.thread
    def reader(t):
        t.until(t.load("blocks", "sharded.c sum_of_cells"))
        return t.get("block")

    r.forbid(lambda x: x["reader"] == 0)


@race("new-block", "before an older one", blocks=1, block__next=0, older=1)
def new_block_next(r):
    """The list of blocks never ends too early."""

    @r.thread
    def taker(t):
        t.store("block.next", 1, "sharded.c gk_sharded_take_cell")
        t.store("blocks", 2, "sharded.c gk_sharded_take_cell")

    @r.thread
    def reader(t):
        t.until(t.load("blocks", "sharded.c sum_of_cells") == 2)
        t.until(t.load("block.next", "sharded.c sum_of_cells") == 1)
        return t.get("older")

    @r.thread
    def unlucky(t):
        t.until(t.load("blocks", "sharded.c sum_of_cells") == 2)
        return t.load("block.next", "sharded.c sum_of_cells")

    r.forbid(lambda x: x["unlucky"] == 0)


# ---- Forks, ping-pong


@race("fork-watch", watching=0, registered=0)
def fork_watch(r):
    @r.thread
    def first(t):
        t.set("registered", 1)
        t.store("watching", 1, "fork.c start_watching")

    @r.thread
    def second(t):
        t.until(t.load("watching", "fork.c gk_fork_watch"))
        return t.get("registered")

    r.forbid(lambda x: x["second"] == 0)


@race("token-pass", token=0, done=0)
def token_pass(r):
    @r.thread
    def leader(t):
        t.set("done", 1)
        t.store("token", 1, "ping_pong.c hand_to")
        t.wake("token")

    @r.thread
    def follower(t):
        if t.load("token", "ping_pong.c await") == 0:
            t.sleep_while("token", 0)
            t.until(t.load("token", "ping_pong.c await"))
        return t.get("done")

    r.forbid(lambda x: x.sleeps_forever("follower") or x["follower"] == 0)
