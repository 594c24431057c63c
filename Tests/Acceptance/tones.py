"""Phones and participants that send a tone each, so that who hears whom can be measured."""

import asyncio

import numpy as np
import sound
from harness import Participant, eventually
from sipphone import SIPPhone

AMPLITUDE = 6000
LEVEL = AMPLITUDE / 2**0.5


class Tones:
    """Sends and records for phones until it is left."""

    def __enter__(self) -> "Tones":
        self.tasks: list[asyncio.Task] = []
        return self

    def __exit__(self, *_):
        for task in self.tasks:
            task.cancel()

    def speak(self, phone: SIPPhone, port: int, frequency: float):
        """The phone sends the tone to the port, and keeps what it hears."""
        tone = sound.ulaw_tone(frequency, 1, AMPLITUDE)
        self.tasks += [asyncio.ensure_future(phone.listen()), asyncio.ensure_future(phone.talk(port, 100, tone))]


def level(samples: np.ndarray, frequency: float) -> float:
    """In dB, of the tone as it was sent."""
    return sound.decibels(sound.band_level(samples, frequency), LEVEL) if len(samples) else -200


def last_half_second(phone: SIPPhone) -> np.ndarray:
    payloads = [packet[12:] for packet in phone.packets[-25:] if packet[1] & 127 == 0]
    return np.concatenate([sound.decode(payload, 0) for payload in payloads] or [np.zeros(0)])


async def hears(phone: SIPPhone, frequency: float, *others: float, deadline: float = 10):
    """The phone comes to hear this tone as loud as it was sent for half a second, and none of the others."""
    await eventually(lambda: has(last_half_second(phone), frequency, others), f"{frequency} Hz at {phone.caller}", deadline)


async def participant_hears(listener: Participant, identity: str, frequency: float, *others: float, deadline: float = 10):
    """The same of a participant and the track of another one."""
    await eventually(
        lambda: has(listener.audio(identity)[-4000:], frequency, others), f"{frequency} Hz from {identity}", deadline)


def has(samples: np.ndarray, frequency: float, others: tuple[float, ...]) -> bool:
    return len(samples) == 4000 and abs(level(samples, frequency)) < 1.5 and all(level(samples, other) < -35 for other in others)
