"""Compare strands of DNA with one another by their edit distance, in pure Python."""

import hashlib


def strand(seed, length=220):
    state, letters = seed * 7919 + 1, []
    for _ in range(length):
        state = (state * 1103515245 + 12345) % 2**31
        letters.append("ACGT"[state >> 16 & 3])
    return "".join(letters)


def distance(a, b):
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1]


def main():
    strands = [strand(seed) for seed in range(18)]
    pairs = [(i, j) for i in range(18) for j in range(i)]
    found = [distance(strands[i], strands[j]) for i, j in pairs]
    print("pairs", len(found), "nearest", min(found), "farthest", max(found))
    print(hashlib.sha256(repr(found).encode()).hexdigest())


main()
