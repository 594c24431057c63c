"""LiveKit participants in processes of their own: each joins the room it is told, publishes a voice and listens.

`python participants.py URL` reads {"room": …, "token": …} from its input, a line each, and answers with
{"room": …, "at": …}: the time on the monotonic clock when the publication was confirmed."""

import asyncio
import itertools
import json
import subprocess
import sys
import threading
import time

import voice
from livekit import rtc

RATE = 48000
# Longer than the SDK's 10 ms: fewer calls from Python.
FRAME_SECONDS = 0.1


async def attend(url: str, request: dict, frames: list[bytes]):
    room = rtc.Room()
    await room.connect(url, request["token"])
    source = rtc.AudioSource(RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(track, options)
    print(json.dumps({"room": request["room"], "at": time.monotonic()}), flush=True)
    for frame in itertools.cycle(frames):
        await source.capture_frame(rtc.AudioFrame(frame, RATE, 1, len(frame) // 2))


async def main(url: str):
    octets = voice.samples(RATE).tobytes()
    size = int(RATE * FRAME_SECONDS) * 2
    frames = [octets[start : start + size] for start in range(0, len(octets), size)]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    while line := await reader.readline():
        tasks.add(asyncio.create_task(attend(url, json.loads(line), frames)))


class Participants:
    """Some processes that share the participants evenly. They end with this object's `close`."""

    def __init__(self, url: str, processes: int):
        self.published: dict[str, float] = {}
        self.processes = [
            subprocess.Popen([sys.executable, __file__, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
            for _ in range(processes)
        ]
        self.next = itertools.cycle(self.processes)
        for process in self.processes:
            threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process):
        for line in process.stdout:
            answer = json.loads(line)
            self.published[answer["room"]] = answer["at"]

    def join(self, room: str, token: str):
        process = next(self.next)
        process.stdin.write(json.dumps({"room": room, "token": token}) + "\n")
        process.stdin.flush()

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
