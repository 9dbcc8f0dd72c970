"""Rank the visits of customers: sorted keys, unique customers, places in a list of thresholds, and the best ones."""

import hashlib

import numpy as np


def main():
    rng = np.random.default_rng(17)
    n = 2_000_000
    customer = rng.integers(0, 300_000, n)
    spent = np.round(rng.gamma(1.5, 20.0, n), 2)
    order = np.lexsort((spent, customer))
    customer, spent = customer[order], spent[order]
    known, first, visits = np.unique(customer, return_index=True, return_counts=True)
    total = np.add.reduceat(spent, first)
    highest = np.maximum.reduceat(spent, first)
    thresholds = np.sort(rng.gamma(8.0, 20.0, 500_000))
    place = np.searchsorted(thresholds, total)
    best = np.argsort(total, kind="stable")[::-1][:1000]
    ranks = np.empty(len(total), np.int64)
    ranks[np.argsort(highest, kind="stable")] = np.arange(len(total))
    print(
        "customers",
        len(known),
        "visits",
        int(visits.max()),
        "spent",
        repr(total.sum()),
        "best",
        known[best[:3]].tolist(),
    )
    digest = hashlib.sha256()
    for each in (total, place, best, ranks, np.sort(spent)[::1000]):
        digest.update(each.tobytes())
    print(digest.hexdigest())


main()
