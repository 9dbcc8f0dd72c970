"""The cost of a switch: a token travels round a ring of contexts that wait for it."""

import asyncio
import multiprocessing
import os
import threading

from .affinity import one_core as pinned
from .usage import clock, repeat, since, usage

BATCH = 200


def system_call(contexts, seconds):
    """No switch: a trap into the kernel and back (os.getppid), less the cost of the call from Python."""

    def timed(function):
        start = clock()
        for _ in range(20000):
            function()
        return clock() - start

    plain, trapped, count = 0.0, 0.0, 0
    before = usage()
    start = clock()
    while clock() < start + seconds:
        plain += timed(threading.get_ident)  # an equal call that stays in user mode
        trapped += timed(os.getppid)
        count += 20000
    return dict(since(before), wall=max(1e-9, trapped - plain), count=count)


def generators(contexts, seconds):
    """Generators, where a switch is a call of next()."""

    def context():
        while True:
            yield

    ring = [context() for _ in range(contexts)]

    def step():
        for each in ring:
            next(each)
        return contexts

    for each in ring:
        next(each)
    return repeat(lambda: sum(step() for _ in range(BATCH)), seconds)


def greenlets(contexts, seconds):
    """Greenlets, whose C stacks are switched in user mode."""
    import greenlet

    ring = []

    def context(index):
        following = (index + 1) % contexts
        while True:
            ring[following].switch() if following else main.switch()

    main = greenlet.getcurrent()
    for index in range(contexts):
        ring.append(greenlet.greenlet(lambda index=index: context(index)))

    def step():
        for _ in range(BATCH):
            ring[0].switch()
        return BATCH * (contexts + 1)

    step()
    return repeat(step, seconds)


def tasks(contexts, seconds):
    """asyncio tasks, each of which waits for a future that the previous one sets."""

    async def run():
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(contexts)]
        rounds = 0
        end = loop.create_future()
        deadline = clock() + seconds

        async def context(index):
            nonlocal rounds
            while True:
                await futures[index]
                futures[index] = loop.create_future()
                if index == 0:
                    rounds += 1
                    if clock() > deadline:
                        end.set_result(None)
                        return
                futures[(index + 1) % contexts].set_result(None)

        ring = [loop.create_task(context(index)) for index in range(contexts)]
        await asyncio.sleep(0)
        before = usage()
        start = clock()
        futures[0].set_result(None)
        await end
        wall = clock() - start
        used = since(before)
        for task in ring:
            task.cancel()
        await asyncio.gather(*ring, return_exceptions=True)
        return dict(used, wall=wall, count=(rounds - 1) * contexts)

    return asyncio.run(run())


def native(contexts, seconds, one_core=False):
    """Native threads without the GIL, each of which sleeps until the previous one wakes it."""
    from gilkit import sync

    with pinned(one_core):
        laps = 20
        while True:
            trial = sync.ping_pong(laps, threads=contexts)
            if trial.seconds > seconds / 20:
                break
            laps *= 4
        before = usage()
        done = sync.ping_pong(max(1, int(laps * seconds / trial.seconds)), threads=contexts, timeout=60 + 10 * seconds)
        return dict(since(before), wall=done.seconds, count=done.switches)


def threads(contexts, seconds, one_core=False):
    """Python threads, each of which waits for a lock that the previous one releases."""
    with pinned(one_core):
        return _thread_ring(contexts, seconds)


def _thread_ring(contexts, seconds):
    locks = [threading.Lock() for _ in range(contexts)]
    for lock in locks:
        lock.acquire()
    state = {"rounds": 0, "stop": False}
    done = threading.Event()
    deadline = [0.0]

    def context(index):
        mine, following = locks[index], locks[(index + 1) % contexts]
        while True:
            mine.acquire()
            if index == 0 and not state["stop"]:
                state["rounds"] += 1
                if clock() > deadline[0]:
                    state["stop"] = True
                    done.set()
            if state["stop"]:
                following.release()
                return
            following.release()

    ring = [threading.Thread(target=context, args=(index,)) for index in range(contexts)]
    for thread in ring:
        thread.start()
    before = usage()
    start = clock()
    deadline[0] = start + seconds
    locks[0].release()
    done.wait()
    wall = clock() - start
    used = since(before)
    for thread in ring:
        thread.join()
    return dict(used, wall=wall, count=max(1, state["rounds"] - 1) * contexts)


def _pass_on(inbox, outbox):
    while True:
        byte = os.read(inbox, 1)
        if not byte:
            return
        os.write(outbox, byte)


def processes(contexts, seconds, one_core=False):
    """Processes, each of which reads a byte from its pipe and writes it to the next pipe. This process is one of them."""
    with pinned(one_core):
        return _process_ring(contexts, seconds)


def _process_ring(contexts, seconds):
    pipes = [os.pipe() for _ in range(contexts)]
    context = multiprocessing.get_context("fork")
    ring = []
    for index in range(1, contexts):
        process = context.Process(
            target=_pass_on, args=(pipes[index][0], pipes[(index + 1) % contexts][1]), daemon=True
        )
        process.start()
        ring.append(process)
    inbox, outbox = pipes[0][0], pipes[1 % contexts][1]

    def step():
        for _ in range(BATCH):
            os.write(outbox, b"x")
            os.read(inbox, 1)
        return BATCH * contexts

    try:
        os.write(outbox, b"x")
        os.read(inbox, 1)
        return repeat(step, seconds)
    finally:
        for process in ring:
            process.kill()
            process.join()
        for pair in pipes:
            for end in pair:
                os.close(end)
