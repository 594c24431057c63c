"""An appointment line: espeak-ng speaks a menu, and the caller's keys confirm, reschedule or ask for a person.

    apt install espeak-ng
    pip install livekit-agents
    export LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret
    export TRANSFER_TO=tel:+15550199    # who answers key 0
    python3 menu_agent.py dev

It comes when a dispatch rule says `room_config: {agents: [{agent_name: menu}]}`.
"""

import asyncio
import io
import os
import wave

from livekit import api, rtc
from livekit.agents import AgentServer, AutoSubscribe, JobContext, cli

MENU = ("This is the appointment line. To confirm your appointment, press 1. To choose another day, press 2. "
        "To speak to a person, press 0.")
REPEATS = 3
ANSWER_SECONDS = 6
TRANSFER_TO = os.environ.get("TRANSFER_TO", "tel:+15550199")

server = AgentServer()


class Voice:
    """Speaks sentences into the room, one after the other."""

    def __init__(self):
        self.source = rtc.AudioSource(22050, 1)

    async def say(self, text: str):
        process = await asyncio.create_subprocess_exec(
            "espeak-ng", "-v", "en-us", "-s", "150", "--stdout", text, stdout=asyncio.subprocess.PIPE)
        sound, _ = await process.communicate()
        with wave.open(io.BytesIO(sound)) as file:
            # espeak-ng does not know how long it will speak when it writes the header.
            samples = file.readframes(len(sound))
        step = 2 * 441
        for start in range(0, len(samples) - step + 1, step):
            await self.source.capture_frame(rtc.AudioFrame(samples[start:start + step], 22050, 1, 441))
        await self.source.wait_for_playout()

    def stop(self):
        self.source.clear_queue()


class Line:
    """One caller and the menu."""

    def __init__(self, job: JobContext):
        self.job = job
        self.voice = Voice()
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        job.room.on("sip_dtmf_received", lambda dtmf: self.keys.put_nowait(dtmf.digit))

    async def serve(self, caller: rtc.RemoteParticipant):
        for _ in range(REPEATS):
            key = await self.ask(MENU)
            if key == "1":
                print(f"{caller.name} confirmed", flush=True)
                return await self.say_goodbye("Thank you. Your appointment is confirmed. Goodbye.")
            if key == "2":
                print(f"{caller.name} wants another day", flush=True)
                return await self.say_goodbye("We will call you and find another day. Goodbye.")
            if key == "0":
                print(f"{caller.name} wants a person", flush=True)
                if await self.transfer(caller):
                    return
                await self.voice.say("Nobody can take your call right now.")
        await self.say_goodbye("Goodbye.")

    async def ask(self, text: str) -> str:
        """The key pressed while the menu is spoken or shortly after; empty when there is none."""
        speech = asyncio.create_task(self.voice.say(text))
        key = asyncio.create_task(self.keys.get())
        await asyncio.wait({speech, key}, return_when=asyncio.FIRST_COMPLETED)
        if not key.done():
            await asyncio.wait({key}, timeout=ANSWER_SECONDS)
        for task in (speech, key):
            task.cancel()
        self.voice.stop()
        return key.result() if key.done() and not key.cancelled() else ""

    async def transfer(self, caller: rtc.RemoteParticipant) -> bool:
        await self.voice.say("One moment, please.")
        request = api.TransferSIPParticipantRequest(
            room_name=self.job.room.name, participant_identity=caller.identity, transfer_to=TRANSFER_TO, play_dialtone=True)
        try:
            await self.job.api.sip.transfer_sip_participant(request)
        except api.TwirpError as error:
            print(f"the transfer failed: {error.message}", flush=True)
            return False
        print(f"{caller.name} was transferred to {TRANSFER_TO}", flush=True)
        return True

    async def say_goodbye(self, text: str):
        await self.voice.say(text)
        # Who deletes the room hangs up on everybody in it.
        await self.job.api.room.delete_room(api.DeleteRoomRequest(room=self.job.room.name))


@server.rtc_session(agent_name="menu")
async def answer(job: JobContext):
    line = Line(job)
    await job.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
    await job.room.local_participant.publish_track(
        rtc.LocalAudioTrack.create_audio_track("menu", line.voice.source),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
    caller = await job.wait_for_participant(kind=rtc.ParticipantKind.PARTICIPANT_KIND_SIP)
    await answered(caller)
    await line.serve(caller)


async def answered(caller: rtc.RemoteParticipant):
    """The phone rings until the room has something to hear, and is answered a moment after."""
    while caller.attributes.get("sip.callStatus") == "ringing":
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    cli.run_app(server)
