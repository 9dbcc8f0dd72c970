"""Count the words of a text in four threads, which share it out, and add the counts up."""

import hashlib
import threading
from collections import Counter


def text(seed, words=900_000):
    state = seed
    for _ in range(words):
        state = (state * 1103515245 + 12345) % 2**31
        yield f"w{(state >> 8) % 1009 * ((state >> 20) % 7)}"


def count(seed, counts):
    counts[seed] = Counter(text(seed))


def main():
    counts = {}
    threads = [threading.Thread(target=count, args=(seed, counts)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    total = Counter()
    for seed in sorted(counts):
        total += counts[seed]
    top = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))
    print("words", sum(total.values()), "different", len(total), "most frequent", top[:3])
    print(hashlib.sha256(repr(top).encode()).hexdigest())


main()
