"""Summarize a table of trips: cleaning, derived columns, groups, quantiles, correlations and a regression."""

import hashlib

import numpy as np


def main():
    n = 3_000_000
    rng = np.random.default_rng(31)
    zone = rng.integers(0, 200, n)
    hour = rng.integers(0, 24, n)
    distance = rng.gamma(2.0, 2.5, n)
    speed = rng.normal(24.0, 6.0, n) - 6 * np.exp(-((hour - 17) ** 2) / 8.0)
    tip = rng.random(n)
    speed[rng.random(n) < 0.01] = np.nan

    good = ~np.isnan(speed) & (speed > 3) & (distance > 0.1)
    zone, hour, distance, speed, tip = (column[good] for column in (zone, hour, distance, speed, tip))
    minutes = 60 * distance / speed
    fare = np.round(2.5 + 1.7 * distance + 0.4 * minutes + np.where((hour >= 20) | (hour < 6), 0.5, 0.0), 2)
    tip = np.where(tip < 0.4, 0.0, fare * 0.2 * tip)
    total = fare + tip

    counts = np.bincount(zone, minlength=200)
    mean = np.bincount(zone, weights=total, minlength=200) / counts
    spread = np.sqrt(np.bincount(zone, weights=(total - mean[zone]) ** 2, minlength=200) / (counts - 1))
    by_hour = np.array([np.median(total[hour == h]) for h in range(24)])
    quantiles = np.percentile(total, [1, 5, 25, 50, 75, 95, 99])
    columns = np.stack([distance, minutes, fare, tip])
    standard = (columns - columns.mean(axis=1, keepdims=True)) / columns.std(axis=1, keepdims=True)
    correlation = [[(a * b).mean() for b in standard] for a in standard]
    slope = (standard[0] * standard[2]).sum() / (standard[0] ** 2).sum()
    order = np.argsort(total, kind="stable")[-10:]
    bins, edges = np.histogram(total, bins=100, range=(0, 100))
    cheap = np.sort(total)[: n // 10].sum()

    print("rows", len(total), "total", repr(total.sum()), "cheapest tenth", repr(cheap), "slope", repr(slope))
    print("quantiles", quantiles.tolist())
    print("hours", by_hour.tolist())
    digest = hashlib.sha256()
    for each in (mean, spread, np.array(correlation), order, bins, edges, total):
        digest.update(each.tobytes())
    print(digest.hexdigest())


main()
