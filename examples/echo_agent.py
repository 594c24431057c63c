"""An agent that answers every call it is dispatched to, sends the caller's voice back to him and prints his keys.

    pip install livekit-agents
    export LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret
    python3 echo_agent.py dev

Without a name it takes every new room. With LIVEKIT_AGENT_NAME=echo it comes when a dispatch rule says
`room_config: {agents: [{agent_name: echo}]}`.
"""

import asyncio

from livekit import rtc
from livekit.agents import AgentServer, AutoSubscribe, JobContext, cli

server = AgentServer()


@server.rtc_session()
async def answer(job: JobContext):
    voice = rtc.AudioSource(48000, 1)
    tasks = set()

    async def echo(track: rtc.RemoteTrack):
        async for event in rtc.AudioStream(track, sample_rate=48000, num_channels=1):
            await voice.capture_frame(event.frame)

    @job.room.on("track_subscribed")
    def subscribed(track, _publication, participant):
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP:
            print(f"{participant.name} is on the line", flush=True)
            tasks.add(asyncio.create_task(echo(track)))

    @job.room.on("sip_dtmf_received")
    def pressed(dtmf):
        print(f"{dtmf.participant.name} pressed {dtmf.digit}", flush=True)

    await job.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
    # The phone rings until there is something to hear.
    await job.room.local_participant.publish_track(
        rtc.LocalAudioTrack.create_audio_track("echo", voice),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))


if __name__ == "__main__":
    cli.run_app(server)
