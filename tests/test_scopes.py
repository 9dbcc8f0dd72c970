"""with blocks of threads, timeouts and tokens: nested, exited in any order, in other contexts, or never."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import gc
import pickle
import threading
import weakref
from concurrent.futures import CancelledError

import pytest

import gilkit
from gilkit import _scopes

MINUTE = 100_000_000_000  # steps of spin: more than a minute on any machine


def entered_elsewhere(*blocks):
    """Return an ExitStack that has entered the blocks in a copy of this context."""
    stack = contextlib.ExitStack()
    copied = contextvars.copy_context()
    for block in blocks:
        copied.run(stack.enter_context, block)
    return stack


def threads_here():
    return gilkit.num_threads()


def cancelled_here():
    """Return whether a call in this context is cancelled."""
    try:
        gilkit.spin(1)
    except CancelledError:
        return True
    return False


def timed_out_here():
    try:
        gilkit.spin(1)
    except TimeoutError:
        return True
    return False


# ---- Nested tokens all apply


@pytest.mark.parametrize("depth", [2, 3, 10])
@pytest.mark.parametrize("threads", [1, 2])
def test_each_of_nested_tokens_ends_a_call(depth, threads):
    for cancelled in {0, depth // 2, depth - 1}:
        tokens = [gilkit.CancelToken() for _ in range(depth)]
        with contextlib.ExitStack() as stack:
            for token in tokens:
                stack.enter_context(token)
            timer = threading.Timer(0.05, tokens[cancelled].cancel)
            timer.start()
            with pytest.raises(CancelledError):
                gilkit.spin(MINUTE, threads=threads)
            timer.join()
            assert cancelled_here()
        assert not cancelled_here()


def test_an_outer_token_ends_the_items_of_a_map_that_have_their_own():
    outer = gilkit.CancelToken()

    def item(_):
        with gilkit.CancelToken():
            gilkit.spin(MINUTE)

    for run in (gilkit.map, lambda *arguments, **options: list(gilkit.imap(*arguments, **options))):
        outer = gilkit.CancelToken()
        timer = threading.Timer(0.05, outer.cancel)
        timer.start()
        with outer, pytest.raises(CancelledError):
            run(item, [1, 2], threads=2)
        timer.join()


def test_other_blocks_between_tokens():
    outer, inner = gilkit.CancelToken(), gilkit.CancelToken()
    with outer, gilkit.threads(2), gilkit.timeout(100), inner, gilkit.threads(None):
        assert not cancelled_here()
        outer.cancel()
        assert cancelled_here()
    with inner, outer, gilkit.timeout(100):
        assert cancelled_here()


def test_one_token_twice():
    token = gilkit.CancelToken()
    with token:
        with token, gilkit.threads(2), token:
            pass
        token.cancel()
        assert cancelled_here()
    assert not cancelled_here()


# ---- Exited in another context, or in another order


@pytest.mark.parametrize("make", [lambda: gilkit.threads(7), lambda: gilkit.timeout(50), gilkit.CancelToken])
def test_exit_in_another_context_has_no_effect_there(make):
    outer = gilkit.CancelToken()
    with gilkit.threads(3), gilkit.timeout(0), outer:
        entered_elsewhere(make(), make()).close()
        assert threads_here() == 3
        with pytest.raises(TimeoutError):
            gilkit.spin(1)
    with outer, gilkit.threads(3):
        entered_elsewhere(make()).close()
        outer.cancel()
        assert threads_here() == 3
        assert cancelled_here()
    with gilkit.threads(3):
        pass
    assert not cancelled_here()


def test_exit_where_no_block_is_open():
    default = threads_here()
    for block in (gilkit.threads(7), gilkit.timeout(0), gilkit.CancelToken()):
        block.__exit__(None, None, None)
        assert threads_here() == default
        with block:
            pass
        block.__exit__(None, None, None)
    with gilkit.threads(3):
        gilkit.threads(3).__exit__(None, None, None)  # an equal but different object
        assert threads_here() == 3


def test_blocks_exited_out_of_order():
    default = threads_here()
    token = gilkit.CancelToken()
    token.cancel()
    first, second, third = gilkit.threads(3), gilkit.threads(5), gilkit.threads(None)
    for block in (first, token, second, third):
        block.__enter__()
    assert threads_here() == default
    token.__exit__(None, None, None)
    third.__exit__(None, None, None)
    assert not cancelled_here()
    assert threads_here() == 5
    first.__exit__(None, None, None)
    assert threads_here() == 5
    second.__exit__(None, None, None)
    assert threads_here() == default


def test_a_timeout_exited_before_the_inner_one():
    tight, wide = gilkit.timeout(0), gilkit.timeout(100)
    tight.__enter__()
    wide.__enter__()
    assert timed_out_here()
    tight.__exit__(None, None, None)
    assert not timed_out_here()
    with gilkit.timeout(0):
        wide.__exit__(None, None, None)
        assert timed_out_here()
    assert not timed_out_here()


def test_one_object_entered_more_than_once():
    block = gilkit.threads(3)
    with block, gilkit.threads(5):
        with block:
            assert threads_here() == 3
        assert threads_here() == 5
    token = gilkit.CancelToken()
    with token:
        with token:
            pass
        token.cancel()
        assert cancelled_here()
    assert not cancelled_here()


def test_interleaved_generators():
    """Each generator keeps its block open while the other one's ends."""
    default = threads_here()

    def steps(n):
        with gilkit.threads(n):
            yield
            yield

    one, two = steps(3), steps(5)
    next(one)
    next(two)
    assert threads_here() == 5
    one.close()
    assert threads_here() == 5
    two.close()
    assert threads_here() == default


def test_async_generators_and_tasks():
    default = threads_here()

    async def steps():
        with gilkit.threads(7):
            yield threads_here()
            yield threads_here()

    async def task(n, token, ready, go):
        with gilkit.threads(n), token:
            ready.release()
            await go.wait()
            return threads_here()

    async def main():
        token, ready, go = gilkit.CancelToken(), asyncio.Semaphore(0), asyncio.Event()
        with token, gilkit.threads(2):
            tasks = [asyncio.create_task(task(n, token, ready, go)) for n in (3, 4, 5)]
            for _ in tasks:
                await ready.acquire()
            # Another task closes the generator, as asyncio does with generators that are not exhausted.
            generator = steps()
            assert await asyncio.create_task(anext(generator)) == 7
            assert threads_here() == 2
            await generator.aclose()
            assert threads_here() == 2
            go.set()
            assert await asyncio.gather(*tasks) == [3, 4, 5]
        assert threads_here() == default
        token.cancel()
        assert not cancelled_here()

    asyncio.run(main())


def test_a_context_keeps_its_own_blocks():
    """A copied context keeps the blocks that were open when it was made, even if they are exited elsewhere."""
    block = gilkit.threads(3)
    with block:
        copied = contextvars.copy_context()
        copied.run(block.__exit__, None, None, None)
        assert threads_here() == 3
        other = contextvars.copy_context()
    assert copied.run(threads_here) == threads_here()
    assert other.run(threads_here) == 3


# ---- Never exited


@pytest.mark.parametrize("make", [lambda: gilkit.threads(2), lambda: gilkit.timeout(100)])
def test_many_blocks_never_exited(make):
    def enter_many():
        for _ in range(200_000):
            make().__enter__()
        return gilkit.spin(1)

    context = contextvars.copy_context()
    assert context.run(enter_many) == 1
    del context
    gc.collect()


def test_a_chain_of_blocks_is_released_on_a_small_stack():
    """Releasing each block inside the release of the one before took stack for each: a million overflowed it."""

    def enter_many():
        for _ in range(40_000):
            gilkit.threads(2).__enter__()
            gilkit.timeout(100).__enter__()
            gilkit.CancelToken().__enter__()

    def enter_and_release():
        context = contextvars.copy_context()
        context.run(enter_many)
        shared = context.copy()
        del context
        del shared

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=enter_and_release)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()


def test_a_token_entered_very_often():
    token = gilkit.CancelToken()

    def enter_many():
        for _ in range(200_000):
            token.__enter__()
        assert gilkit.spin(1_000_001) == 1
        token.cancel()
        assert cancelled_here()
        with gilkit.threads(2):
            for _ in range(200_000):
                token.__exit__(None, None, None)
        assert not cancelled_here()

    contextvars.copy_context().run(enter_many)


def test_a_block_exited_far_below_others():
    def enter_many():
        first = gilkit.threads(3)
        first.__enter__()
        for _ in range(100_000):
            gilkit.timeout(None).__enter__()
        assert threads_here() == 3
        first.__exit__(None, None, None)
        return threads_here()

    assert contextvars.copy_context().run(enter_many) == threads_here()


def test_scopes_in_cycles_are_collected():
    class Token(gilkit.CancelToken):
        pass

    token = Token()

    def enter(token):
        token.__enter__()
        token.context = contextvars.copy_context()

    contextvars.copy_context().run(enter, token)
    alive = weakref.ref(token)
    del token
    gc.collect()
    assert alive() is None


def test_a_scope_can_be_carried_to_another_context():
    with gilkit.threads(3):
        scope = _scopes.scope_variable.get()

    def inside():
        _scopes.scope_variable.set(scope)
        return threads_here()

    assert contextvars.copy_context().run(inside) == 3


# ---- Properties of tokens


def test_tokens_have_weak_references():
    token = gilkit.CancelToken()
    reference = weakref.ref(token)
    assert reference() is token
    assert weakref.WeakSet([token])
    with token:
        pass
    del token
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, *(
    lambda token, protocol=protocol: pickle.dumps(token, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
)])  # fmt: skip
def test_a_token_cannot_be_copied(duplicate):
    class Token(gilkit.CancelToken):
        pass

    for token in (gilkit.CancelToken(), Token(), [gilkit.CancelToken()]):
        if duplicate is copy.copy and isinstance(token, list):
            continue
        with pytest.raises(TypeError, match=r"CancelToken cannot be pickled or copied.*share the token itself"):
            duplicate(token)


def test_a_finaliser_in_a_chain_of_blocks_that_switches_greenlets():
    """What was being released was kept in the stack of the greenlet, which another one then overwrote."""
    greenlet = pytest.importorskip("greenlet")
    main = greenlet.getcurrent()

    class Token(gilkit.CancelToken):
        alive = 0

        def __init__(self, finaliser=lambda: None):
            self.finaliser = finaliser
            Token.alive += 1

        def __del__(self):
            Token.alive -= 1
            self.finaliser()

    def release_chain():
        contexts = [contextvars.copy_context()]
        contexts[0].run(lambda: (Token(main.switch).__enter__(), gilkit.CancelToken().__enter__()))
        contexts.clear()

    def deeper(depth, function):
        sorted([0], key=lambda _: deeper(depth - 1, function) or 0) if depth else function()

    def use_blocks():
        with Token(), gilkit.threads(1):
            pass
        contextvars.copy_context().run(lambda: (Token().__enter__(), gilkit.CancelToken().__enter__()))

    for depth in range(4):
        one, other = (
            greenlet.greenlet(lambda depth=depth: deeper(depth, release_chain)),
            greenlet.greenlet(release_chain),
        )
        for each in (one, other, one, other):
            each.switch()
        for blocks_depth in range(12):
            deeper(blocks_depth, use_blocks)
    assert Token.alive == 0
