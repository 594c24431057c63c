"""Credentials that we give where a provider asks: a server of the tests' own checks every answer (RFC 3261 §22, RFC 7616)."""

import asyncio
import contextlib
import hashlib
import os
import re

import pytest
from harness import eventually
from livekit import api
from sipcallee import SIPCallee
from sipphone import Message
from twirp import sdk

USER, PASSWORD, REALM = "ada", "pass123", "provider.example.com"
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
SIDES = {401: ("401 Unauthorized", "WWW-Authenticate", "Authorization"),
         407: ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization")}


class Provider(SIPCallee):
    """Asks for credentials before it does what a request wants."""

    def __init__(self, status: int = 407, algorithm: str = "MD5", qop: str = 'qop="auth,auth-int"'):
        super().__init__("provider")
        self.status, self.algorithm, self.qop = status, algorithm, qop
        self.opaque = os.urandom(8).hex()

    def challenges(self, request: Message, *extra: str, stale=False):
        """Refuses the request with a challenge whose nonce is new."""
        self.nonce = os.urandom(16).hex()
        status, name, _ = SIDES[self.status]
        fields = [f'Digest realm="{REALM}"', f'nonce="{self.nonce}"', f'opaque="{self.opaque}"', self.qop]
        fields += ([f"algorithm={self.algorithm}"] if self.algorithm else []) + (["stale=true"] if stale else [])
        challenge = ", ".join(field for field in fields if field)
        self.reply(request, status, [*(f"{name}: {line}" for line in extra), f"{name}: {challenge}"])
        if request.method == "INVITE":
            self.next("ACK")

    def is_right(self, request: Message, password: str = PASSWORD) -> bool:
        """Whether the request answers the last challenge."""
        values = request.all(SIDES[self.status][2])
        assert len(values) == 1 and values[0].startswith("Digest "), values
        fields = {key: quoted or bare for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', values[0])}
        assert fields["uri"] == request.first.split()[1]
        assert (fields["username"], fields["realm"], fields["nonce"], fields["opaque"]) == (USER, REALM, self.nonce, self.opaque)
        digest = lambda text: HASHES[self.algorithm or "MD5"](text.encode()).hexdigest()
        quality = f"{fields['nc']}:{fields['cnonce']}:{fields['qop']}:" if self.qop else ""
        assert self.qop == "" or (fields["nc"], fields["qop"]) == ("00000001", "auth")
        method = digest(f"{request.method}:{fields['uri']}")
        return fields["response"] == digest(f"{digest(f'{USER}:{REALM}:{password}')}:{self.nonce}:{quality}{method}")


@contextlib.asynccontextmanager
async def placed(gateway, provider: Provider, password: str = PASSWORD, **credentials):
    """A client, and a call that is being placed through the provider."""
    async with sdk(gateway) as client:
        made = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=api.SIPOutboundTrunkInfo(
            name="out", address=provider.address, numbers=["+15550100"],
            **(credentials or {"auth_username": USER, "auth_password": password}))))
        call = asyncio.ensure_future(client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
            sip_trunk_id=made.sip_trunk_id, sip_call_to="+15550177", room_name="out", participant_identity="callee",
            wait_until_answered=True)))
        yield client, call


@pytest.mark.parametrize("qop", ['qop="auth,auth-int"', ""], ids=["qop", "plain"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", ""])
@pytest.mark.parametrize("status", [401, 407])
async def test_every_request_of_a_call_answers_the_challenge_it_meets(gateway, status, algorithm, qop):
    with Provider(status, algorithm, qop) as provider:
        async with placed(gateway, provider) as (client, call):
            def take_call():
                first = provider.is_called()
                assert not first.all("Authorization") and not first.all("Proxy-Authorization")
                provider.challenges(first)
                again = provider.is_called()
                assert again.get("Call-ID") == first.get("Call-ID") and again.get("From") == first.get("From")
                assert again.get("CSeq") == f"{int(first.get('CSeq').split()[0]) + 1} INVITE"
                assert again.body and provider.is_right(again)
                provider.rings()
                provider.answers()

            def refuse_transfer():
                provider.challenges(provider.next("REFER"))
                again = provider.next("REFER")
                assert again.get("Refer-To") == "<tel:+15550188>" and provider.is_right(again)
                provider.reply(again, "603 Decline")

            def take_bye():
                provider.challenges(provider.next("BYE"))
                again = provider.next("BYE")
                assert provider.is_right(again)
                provider.reply(again)

            await asyncio.to_thread(take_call)
            assert (await call).participant_identity == "callee"
            refusing = asyncio.ensure_future(asyncio.to_thread(refuse_transfer))
            with pytest.raises(api.TwirpError) as raised:
                await client.sip.transfer_sip_participant(api.TransferSIPParticipantRequest(
                    room_name="out", participant_identity="callee", transfer_to="tel:+15550188"))
            assert raised.value.metadata["sip_status_code"] == "603"
            await refusing
            leaving = asyncio.ensure_future(asyncio.to_thread(take_bye))
            await client.room.delete_room(api.DeleteRoomRequest(room="out"))
            await leaving
    assert gateway.wait_for_records()[0]["end_reason"] == "room-deleted"


async def test_a_stale_nonce_is_replaced_and_the_first_known_algorithm_of_a_realm_is_used(gateway):
    with Provider(algorithm="SHA-256") as provider:
        async with placed(gateway, provider) as (_, call):
            def take_call():
                unknown = f'Digest realm="{REALM}", nonce="x", algorithm=SHA-512-256, qop="auth"'
                provider.challenges(provider.is_called(), unknown)
                provider.challenges(provider.is_called(), stale=True)
                assert provider.is_right(provider.is_called())
                provider.answers()

            await asyncio.to_thread(take_call)
            await call


@pytest.mark.parametrize(("status", "code"), [(401, "permission_denied"), (407, "unauthenticated")])
async def test_wrong_credentials_are_offered_once(gateway, status, code):
    with Provider(status) as provider:
        async with placed(gateway, provider, password="letmein-9") as (_, call):
            def refuse_call():
                provider.challenges(provider.is_called())
                again = provider.is_called()
                assert not provider.is_right(again) and provider.is_right(again, "letmein-9")
                provider.challenges(again)

            await asyncio.to_thread(refuse_call)
            with pytest.raises(api.TwirpError) as raised:
                await call
    assert raised.value.code == code and raised.value.metadata["sip_status_code"] == str(status)
    assert gateway.wait_for_records()[0]["end_reason"] == "auth-required" and "letmein-9" not in gateway.log()


async def test_a_trunk_without_credentials_has_nothing_to_offer(gateway):
    with Provider() as provider:
        async with placed(gateway, provider, metadata="none") as (_, call):
            await asyncio.to_thread(lambda: provider.challenges(provider.is_called()))
            with pytest.raises(api.TwirpError) as raised:
                await call
            assert raised.value.code == "unauthenticated" and provider.receive(0.3) is None
    await eventually(gateway.records, "the record")
