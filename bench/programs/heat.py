"""Let heat spread through a plate with a hot edge, by Jacobi's method, until a number of steps is done."""

import hashlib

import numpy as np


def main():
    n, steps = 2000, 60
    plate = np.zeros((n, n))
    plate[0] = 100.0
    plate[:, 0] = np.linspace(100.0, 0.0, n)
    plate[:, -1] = 50.0 * np.sin(np.linspace(0.0, np.pi, n)) ** 2
    for step in range(steps):
        new = plate.copy()
        new[1:-1, 1:-1] = 0.25 * (plate[:-2, 1:-1] + plate[2:, 1:-1] + plate[1:-1, :-2] + plate[1:-1, 2:])
        if step % 20 == 19:
            change = np.abs(new - plate).max()
            print("step", step + 1, "change", repr(change))
        plate = new
    gy, gx = plate[2:, 1:-1] - plate[:-2, 1:-1], plate[1:-1, 2:] - plate[1:-1, :-2]
    print("mean", repr(plate.mean()), "flux", repr(np.sqrt(gx**2 + gy**2).sum()))
    print(hashlib.sha256(plate.tobytes()).hexdigest())


main()
