"""Serve requests in threads that mostly wait for a store, and compute a little with what it answers."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor


def fetch(number):
    time.sleep(0.01)  # the store
    return [number * i % 1013 for i in range(200)]


def serve(number):
    values = fetch(number)
    for _ in range(20):
        values = sorted((v * 31 + 7) % 1013 for v in values)
    return sum(values)


def main():
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(serve, range(1200)))
    print("requests", len(answers), "sum", sum(answers), hashlib.sha256(repr(answers).encode()).hexdigest())


main()
