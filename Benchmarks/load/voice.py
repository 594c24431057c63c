"""A voice without words or pauses: what it costs is that of speech, and silence in it is somebody's fault."""

import numpy as np

SECONDS = 4


def samples(rate: int) -> np.ndarray:
    """`SECONDS` of a voice whose pitch, vowel and loudness wander, as a loop of 16-bit samples."""
    time = np.arange(rate * SECONDS) / rate
    turn = 2 * np.pi * time / SECONDS
    pitch = 140 + 30 * np.sin(3 * turn) + 12 * np.sin(7 * turn)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    first, second = 500 + 250 * np.sin(5 * turn), 1600 + 700 * np.sin(4 * turn + 1)
    voice = np.zeros_like(time)
    for harmonic in range(1, 60):
        frequency = harmonic * pitch
        level = np.exp(-(((frequency - first) / 200) ** 2)) + 0.5 * np.exp(-(((frequency - second) / 300) ** 2)) + 0.02
        voice += np.where(frequency < 0.45 * rate, level, 0) * np.sin(harmonic * phase)
    breath = np.random.default_rng(1).normal(size=len(time)) * 0.05
    loudness = 0.65 + 0.35 * np.sin(16 * turn)
    voice = (voice + breath) * loudness
    return (voice / np.abs(voice).max() * 12000).astype(np.int16)


def ulaw_frames() -> list[bytes]:
    """The voice at 8 kHz in µ-law packets of 20 ms."""
    magnitude = np.minimum(np.abs(samples(8000).astype(int)), 32635) + 132
    segment = np.floor(np.log2(magnitude)).astype(int) - 7
    code = (segment << 4) | (magnitude >> (segment + 3) & 15)
    octets = (~np.where(samples(8000) < 0, code | 0x80, code) & 0xFF).astype(np.uint8).tobytes()
    return [octets[start : start + 160] for start in range(0, len(octets), 160)]
