"""Render a scene of distance functions by sphere tracing, with shadows and fog."""

import hashlib

import numpy as np


def scene(x, y, z):
    """Return the distance to a floor, a sphere and a torus."""
    floor = y + 1.0
    ball = np.sqrt((x + 0.9) ** 2 + y**2 + (z - 4.0) ** 2) - 0.9
    ring = np.sqrt((np.sqrt((x - 1.0) ** 2 + (z - 4.5) ** 2) - 0.8) ** 2 + (y + 0.3) ** 2) - 0.3
    waves = 0.02 * np.sin(6 * x) * np.sin(6 * z)
    return np.minimum(np.minimum(floor + waves, ball), ring)


def march(x, y, z, dx, dy, dz, steps, far):
    travelled = np.full(x.shape, 0.02)
    nearest = np.ones(x.shape)
    for _ in range(steps):
        distance = scene(x + travelled * dx, y + travelled * dy, z + travelled * dz)
        nearest = np.minimum(nearest, 8 * distance / travelled)
        travelled = np.minimum(travelled + distance, far)
    return travelled, nearest


def main():
    width, height = 640, 360
    v, u = np.mgrid[0:height, 0:width]
    dx, dy = (u - width / 2) / height, -(v - height / 2) / height
    length = np.sqrt(dx**2 + dy**2 + 1.0)
    dx, dy, dz = dx / length, dy / length, 1.0 / length
    zero = np.zeros(dx.shape)
    depth, _ = march(zero, zero, zero, dx, dy, dz, 48, 20.0)
    x, y, z = depth * dx, depth * dy, depth * dz

    e = 1e-4
    nx = scene(x + e, y, z) - scene(x - e, y, z)
    ny = scene(x, y + e, z) - scene(x, y - e, z)
    nz = scene(x, y, z + e) - scene(x, y, z - e)
    size = np.sqrt(nx**2 + ny**2 + nz**2) + 1e-12
    nx, ny, nz = nx / size, ny / size, nz / size

    sun = np.array([0.5, 0.7, -0.5]) / np.sqrt(0.99)
    diffuse = np.clip(nx * sun[0] + ny * sun[1] + nz * sun[2], 0, 1)
    _, light = march(
        x + 0.01 * nx, y + 0.01 * ny, z + 0.01 * nz, *(np.full(x.shape, part) for part in sun), steps=24, far=10.0
    )
    shade = diffuse * np.clip(light, 0, 1) + 0.15 * (0.5 + 0.5 * ny)
    fog = np.exp(-0.12 * depth)
    image = np.clip(shade * fog + 0.7 * (1 - fog), 0, 1) ** (1 / 2.2)
    pixels = (255 * image + 0.5).astype(np.uint8)
    print("depth", repr(depth.mean()), "light", repr(image.mean()), "sky", int((depth >= 20.0).sum()))
    print(hashlib.sha256(pixels.tobytes() + depth.tobytes()).hexdigest())


main()
