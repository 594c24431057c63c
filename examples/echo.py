"""Joins a room, sends every caller's voice back to him, and prints the keys he presses.

    pip install livekit
    python3 echo.py ws://127.0.0.1:7880 TOKEN
"""

import asyncio
import sys

from livekit import rtc


async def main(url: str, token: str):
    room = rtc.Room()
    voice = rtc.AudioSource(48000, 1)
    ended = asyncio.Event()
    tasks = set()

    async def echo(track: rtc.RemoteTrack):
        async for event in rtc.AudioStream(track, sample_rate=48000, num_channels=1):
            await voice.capture_frame(event.frame)

    @room.on("track_subscribed")
    def subscribed(track, _publication, participant):
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP:
            print(f"{participant.name} is on the line")
            tasks.add(asyncio.ensure_future(echo(track)))

    @room.on("sip_dtmf_received")
    def pressed(dtmf):
        print(f"{dtmf.participant.name} pressed {dtmf.digit}")

    @room.on("participant_disconnected")
    def left(participant):
        print(f"{participant.name} left")

    room.on("disconnected", lambda _reason: ended.set())
    await room.connect(url, token)
    await room.local_participant.publish_track(
        rtc.LocalAudioTrack.create_audio_track("echo", voice),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
    print(f"in room {room.name}; stop with Ctrl-C")
    await ended.wait()


if len(sys.argv) != 3:
    sys.exit(__doc__)
try:
    asyncio.run(main(sys.argv[1], sys.argv[2]))
except KeyboardInterrupt:
    pass
