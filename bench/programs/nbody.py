"""Follow a cluster of stars under their mutual gravity, with all pairs in matrices and the leapfrog method."""

import hashlib

import numpy as np

SOFTENING = 0.05


def accelerations(position, mass):
    dx = position[None, :, 0] - position[:, None, 0]
    dy = position[None, :, 1] - position[:, None, 1]
    dz = position[None, :, 2] - position[:, None, 2]
    square = dx**2 + dy**2 + dz**2 + SOFTENING**2
    pull = mass / (square * np.sqrt(square))
    result = np.empty_like(position)
    result[:, 0] = (dx * pull).sum(axis=1)
    result[:, 1] = (dy * pull).sum(axis=1)
    result[:, 2] = (dz * pull).sum(axis=1)
    return result


def energy(position, velocity, mass):
    kinetic = 0.5 * (mass * (velocity**2).sum(axis=1)).sum()
    apart = position[None, :, :] - position[:, None, :]
    distance = np.sqrt((apart**2).sum(axis=2) + SOFTENING**2)
    pairs = mass[:, None] * mass / distance
    return kinetic - 0.5 * (pairs.sum() - np.trace(pairs))


def main():
    n, steps, dt = 1500, 24, 0.01
    rng = np.random.default_rng(3)
    position = rng.normal(size=(n, 3))
    velocity = 0.4 * rng.normal(size=(n, 3))
    mass = rng.uniform(0.5, 1.5, n) / n
    velocity -= (velocity * mass[:, None]).sum(axis=0) / mass.sum()
    before = energy(position, velocity, mass)
    pull = accelerations(position, mass)
    for _ in range(steps):
        velocity += 0.5 * dt * pull
        position += dt * velocity
        pull = accelerations(position, mass)
        velocity += 0.5 * dt * pull
    after = energy(position, velocity, mass)
    print("energy", repr(before), repr(after), "radius", repr(np.sqrt((position**2).sum(axis=1)).mean()))
    print(hashlib.sha256(position.tobytes() + velocity.tobytes()).hexdigest())


main()
