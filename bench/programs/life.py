"""Conway's game of life on a torus, with the neighbours counted by shifted slices."""

import hashlib

import numpy as np


def step(world):
    padded = np.pad(world, 1, mode="wrap")
    neighbours = (
        padded[:-2, :-2] + padded[:-2, 1:-1] + padded[:-2, 2:]
        + padded[1:-1, :-2] + padded[1:-1, 2:]
        + padded[2:, :-2] + padded[2:, 1:-1] + padded[2:, 2:]
    )  # fmt: skip
    return ((neighbours == 3) | ((world == 1) & (neighbours == 2))).astype(np.uint8)


def main():
    size, generations = 3000, 60
    world = (np.random.default_rng(42).random((size, size)) < 0.3).astype(np.uint8)
    ages = np.zeros(world.shape, np.int32)
    for generation in range(generations):
        world = step(world)
        ages = np.where(world == 1, ages + 1, 0)
        if generation % 20 == 19:
            print("generation", generation + 1, "alive", int(world.sum()), "oldest", int(ages.max()))
    print(hashlib.sha256(world.tobytes() + ages.tobytes()).hexdigest())


main()
