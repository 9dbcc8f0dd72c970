"""Price a barrier option and an Asian option under Heston's model of volatility, by simulated paths."""

import hashlib

import numpy as np


def main():
    paths, steps = 400_000, 64
    years, rate = 1.0, 0.02
    kappa, theta, sigma, rho = 2.0, 0.09, 0.4, -0.6
    dt = years / steps
    strike, barrier = 100.0, 75.0
    rng = np.random.default_rng(99)
    log_price = np.full(paths, np.log(100.0))
    variance = np.full(paths, 0.09)
    average = np.zeros(paths)
    alive = np.ones(paths, bool)
    for _ in range(steps):
        z1 = rng.standard_normal(paths)
        z2 = rho * z1 + np.sqrt(1 - rho**2) * rng.standard_normal(paths)
        positive = np.maximum(variance, 0.0)
        root = np.sqrt(positive * dt)
        log_price += (rate - 0.5 * positive) * dt + root * z1
        variance += kappa * (theta - positive) * dt + sigma * root * z2
        price = np.exp(log_price)
        average += price
        alive &= price > barrier
    average /= steps
    discount = np.exp(-rate * years)
    call = discount * np.where(alive, np.maximum(price - strike, 0.0), 0.0)
    asian = discount * np.maximum(average - strike, 0.0)
    for name, payoff in (("barrier", call), ("asian", asian)):
        print(name, repr(payoff.mean()), "+-", repr(payoff.std() / np.sqrt(paths)))
    print("knocked out", int(paths - alive.sum()), "quantiles", np.quantile(price, [0.01, 0.5, 0.99]).tolist())
    print(hashlib.sha256(call.tobytes() + asian.tobytes()).hexdigest())


main()
