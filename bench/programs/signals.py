"""Find tones in a noisy recording: a band-pass filter, decimation, windowed spectra and an envelope."""

import hashlib

import numpy as np

RATE = 48_000


def fir(signal, taps):
    """Filter by a sum of shifted slices."""
    n = len(signal) - len(taps) + 1
    result = np.zeros(n)
    for shift, tap in enumerate(taps):
        result += tap * signal[shift : shift + n]
    return result


def band_pass(low, high, count):
    """Return the taps of a windowed-sinc filter."""
    t = np.arange(count) - (count - 1) / 2
    ideal = 2 * high / RATE * np.sinc(2 * high / RATE * t) - 2 * low / RATE * np.sinc(2 * low / RATE * t)
    return ideal * np.hamming(count)


def spectra(signal, size, hop):
    """Return the power spectra of windows that overlap, in decibels."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]
    windowed = frames * np.hanning(size)
    power = np.abs(np.fft.rfft(windowed, axis=1)) ** 2
    return 10 * np.log10(power + 1e-12)


def main():
    seconds = 60
    t = np.arange(seconds * RATE) / RATE
    rng = np.random.default_rng(17)
    signal = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.3 * np.sin(2 * np.pi * (1000 * t + 20 * t**2))
    signal += 0.2 * np.sign(np.sin(2 * np.pi * 50 * t)) + rng.normal(0, 0.5, len(t))
    band = fir(signal, band_pass(300, 5000, 127))
    envelope = np.sqrt(np.convolve(band**2, np.ones(480) / 480, mode="valid")[::48])
    table = spectra(band, 2048, 512)
    loudest = table.argmax(axis=1)
    profile = table.mean(axis=0)
    print("rms", repr(np.sqrt((band**2).mean())), "envelope", repr(envelope.max()), repr(envelope.mean()))
    print("tones", (np.argsort(profile)[-3:] * RATE / 2048).tolist(), "median", repr(np.median(loudest * RATE / 2048)))
    print(hashlib.sha256(band.tobytes() + table.tobytes()).hexdigest())


main()
