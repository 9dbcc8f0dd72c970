"""The cost of handing data over between processes, and between threads of one process."""

import multiprocessing
import queue
import threading
from multiprocessing import shared_memory

from .usage import repeat

BATCH = 16  # messages before the receiver confirms them


def _serve_queue(inbox, outbox):
    while True:
        for _ in range(inbox.get()):
            inbox.get()
        outbox.put(True)


def through_queue(size, seconds):
    """A multiprocessing.Queue: pickled, and copied through a pipe by a feeder thread."""
    inbox, outbox = multiprocessing.Queue(), multiprocessing.Queue()
    return _to_process(_serve_queue, (inbox, outbox), size, seconds, inbox.put, outbox.get)


def _serve_pipe(inbox, outbox):
    while True:
        for _ in range(inbox.recv()):
            inbox.recv()
        outbox.send(True)


def through_pipe(size, seconds):
    """A multiprocessing.Pipe: pickled, and copied through a pipe."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    answers, answer = multiprocessing.Pipe(duplex=False)
    return _to_process(_serve_pipe, (receiver, answer), size, seconds, sender.send, answers.recv)


def _to_process(serve, channels, size, seconds, send, wait):
    process = multiprocessing.Process(target=serve, args=channels, daemon=True)
    process.start()
    message = bytes(size)

    def step():
        send(BATCH)
        for _ in range(BATCH):
            send(message)
        wait()
        return BATCH

    try:
        step()
        return repeat(step, seconds)
    finally:
        process.kill()
        process.join()


def _serve_memory(name, inbox, outbox):
    block = shared_memory.SharedMemory(name)
    while True:
        size, count = inbox.recv()
        outbox.send(sum(block.buf[size * index] for index in range(count)))


def through_shared_memory(size, seconds):
    """multiprocessing.shared_memory: each message is copied once, then a note through a pipe announces the batch."""
    block = shared_memory.SharedMemory(create=True, size=size * BATCH)
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve_memory, args=(block.name, there, there), daemon=True)
    process.start()
    message = b"\1" * size

    def step():
        for index in range(BATCH):
            block.buf[size * index : size * (index + 1)] = message
        here.send((size, BATCH))
        if here.recv() != BATCH:  # the first byte of each
            raise RuntimeError("the messages did not arrive")
        return BATCH

    try:
        step()
        return repeat(step, seconds)
    finally:
        process.kill()
        process.join()
        block.close()
        block.unlink()


def through_thread(size, seconds):
    """A queue.SimpleQueue between threads, which passes a reference whatever the size."""
    inbox, outbox = queue.SimpleQueue(), queue.SimpleQueue()

    def serve():
        while True:
            count = inbox.get()
            if count is None:
                return
            for _ in range(count):
                inbox.get()
            outbox.put(True)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    message = bytes(size)

    def step():
        inbox.put(BATCH)
        for _ in range(BATCH):
            inbox.put(message)
        outbox.get()
        return BATCH

    try:
        step()
        return repeat(step, seconds)
    finally:
        inbox.put(None)
        thread.join()


def through_gilkit(size, seconds):
    """gilkit.map, whose threads get references too."""
    import gilkit

    messages = [bytes(size)] * BATCH

    def step():
        gilkit.map(len, messages)
        return len(messages)

    step()
    return repeat(step, seconds)
