"""What the room says and what it hears, as aiortc has it: 20 ms frames at 48 kHz."""

import asyncio
import fractions
import time

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

RATE, FRAME = 48_000, 960


class Tone(MediaStreamTrack):
    """An endless tone in real time."""

    kind = "audio"

    def __init__(self, frequency: float, amplitude: float):
        super().__init__()
        self.frequency, self.amplitude = frequency, amplitude
        self.position, self.start = 0, time.monotonic()

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        phase = 2 * np.pi * self.frequency * (self.position + np.arange(FRAME)) / RATE
        # Both channels: the encoder would make stereo of mono, with 3 dB less.
        samples = np.repeat((self.amplitude * np.sin(phase)).astype(np.int16), 2)
        frame = AudioFrame.from_ndarray(samples[None, :], layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.position, fractions.Fraction(1, RATE)
        self.position += FRAME
        await asyncio.sleep(max(0, self.start + self.position / RATE - time.monotonic()))
        return frame


class Recording:
    """The last seconds of a track, as 20 ms pieces of 8 kHz samples."""

    LIMIT = 500

    def __init__(self, track: MediaStreamTrack):
        self.pieces: list[np.ndarray] = []
        # When the last one came.
        self.heard_at = time.monotonic()
        self.task = asyncio.ensure_future(self._record(track))

    async def _record(self, track: MediaStreamTrack):
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels)).mean(axis=1)
            self.pieces.append(samples.reshape(-1, 6).mean(axis=1))
            del self.pieces[: -self.LIMIT]
            self.heard_at = time.monotonic()

    def samples(self) -> np.ndarray:
        return np.concatenate([*self.pieces, np.zeros(0)])
