"""What the tests measure of sound: G.711, frequency, level, likeness."""

import wave

import numpy as np


def _alaw_table() -> np.ndarray:
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = (codes & 0x70) >> 4, codes & 0x0F
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude)


def _ulaw_table() -> np.ndarray:
    codes = ~np.arange(256) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude)


ALAW, ULAW = _alaw_table(), _ulaw_table()


def decode(payload: bytes, payload_type: int) -> np.ndarray:
    """8 kHz samples of PCMU (0) or PCMA (8)."""
    return (ULAW if payload_type == 0 else ALAW)[np.frombuffer(payload, np.uint8)].astype(float)


def ulaw_tone(frequency: float, seconds: float, amplitude: float = 8000) -> bytes:
    samples = amplitude * np.sin(2 * np.pi * frequency * np.arange(int(8000 * seconds)) / 8000)
    distances = np.abs(samples[:, None] - ULAW[None, :])
    return distances.argmin(axis=1).astype(np.uint8).tobytes()


def strongest_frequency(samples: np.ndarray, rate: int = 8000) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))


def band_level(samples: np.ndarray, frequency: float, rate: int = 8000, width: float = 20) -> float:
    """RMS of what lies within `width` Hz of the frequency."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    power = (np.abs(spectrum[np.abs(frequencies - frequency) <= width]) ** 2).sum() * 2 / len(samples) ** 2
    return float(np.sqrt(power))


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt((samples**2).mean())) if len(samples) else 0.0


def decibels(level: float, reference: float) -> float:
    return float(20 * np.log10(max(level, 1e-9) / reference))


def silent_share(samples: np.ndarray, frame: int = 160, below: float = 100) -> float:
    """The share of 20 ms frames whose RMS is below the limit."""
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return float((np.sqrt((frames**2).mean(axis=1)) < below).mean()) if len(frames) else 1.0


def _upsampled(samples: np.ndarray, factor: int) -> np.ndarray:
    return np.fft.irfft(np.fft.rfft(samples), len(samples) * factor) * factor


def _correlation(heard: np.ndarray, sent: np.ndarray) -> np.ndarray:
    """By lag; the lags below 0 are at the end."""
    size = 1 << (len(sent) + len(heard)).bit_length()
    return np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size)), size)


def likeness(sent: np.ndarray, heard: np.ndarray, window_ms: int = 100, slack_ms: int = 200) -> float:
    """Energy-weighted correlation of what was heard with what was sent, window by window, both at 8 kHz.

    Both are aligned as a whole first, then each window within the slack, since the listener's own jitter buffer stretches
    time a little; to a quarter of a sample, since the way through 48 kHz delays by fractions of one and half a sample is
    a tenth of the correlation at 1 kHz."""
    factor = 4
    lags = _correlation(heard, sent)
    offset = int(lags.argmax())
    offset = (offset - len(lags) if offset > len(lags) // 2 else offset) * factor
    sent, heard = _upsampled(sent, factor), _upsampled(heard, factor)
    window, slack = window_ms * 8 * factor, slack_ms * 8 * factor
    total = weight = 0.0
    for start in range(0, len(sent) - window, window):
        piece = sent[start : start + window]
        if rms(piece) < 50:
            continue
        weight += rms(piece)
        region = heard[max(0, start + offset - slack) : max(0, start + offset + window + slack)]
        if len(region) < window:
            continue
        dots = _correlation(region, piece)[: len(region) - window + 1]
        sums = np.concatenate([[0], np.cumsum(region**2)])
        energy = sums[window:] - sums[:-window]
        total += (dots / np.sqrt(np.maximum(energy, 1) * (piece**2).sum())).max() * rms(piece)
    return total / weight if weight else 0.0


def write_wav(path, samples: np.ndarray, rate: int = 8000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
