"""A stock worker whose agents say one tone, TONE hertz. DECLINES=1: it declines every job."""

import asyncio
import math
import os

import numpy as np
from livekit import rtc
from livekit.agents import AgentServer, AutoSubscribe, JobContext, JobRequest, cli

# Idle processes are made beforehand, so that a job begins at once; a busy test machine is no full worker.
server = AgentServer(port=0, num_idle_processes=1, load_threshold=math.inf)


async def decide(request: JobRequest):
    if os.environ.get("DECLINES"):
        await request.reject(terminate=False)
    else:
        await request.accept(name="tone", metadata=request.job.metadata, attributes={"tone": os.environ["TONE"]})


@server.rtc_session(on_request=decide)
async def speak(job: JobContext):
    await job.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
    source = rtc.AudioSource(48000, 1)
    await job.room.local_participant.publish_track(
        rtc.LocalAudioTrack.create_audio_track("tone", source),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
    asyncio.create_task(play(source, float(os.environ["TONE"])))
    await asyncio.Event().wait()


async def play(source: rtc.AudioSource, frequency: float):
    position = 0
    while True:
        samples = 8000 * np.sin(2 * np.pi * frequency * (position + np.arange(480)) / 48000)
        position += 480
        await source.capture_frame(rtc.AudioFrame(samples.astype(np.int16).tobytes(), 48000, 1, 480))


if __name__ == "__main__":
    cli.run_app(server)
