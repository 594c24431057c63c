"""The shell's commands for trunks, rules, rooms, dispatches and calls, against a running gateway."""

import json
import os
import pathlib
import signal
import subprocess

import pytest
from harness import CALLED, KEY, SECRET, Gateway, Sipp, binary, eventually, free_port


class Shell:
    """Runs commands with the gateway's URL and keys in the environment."""

    def __init__(self, gateway: Gateway, **environment):
        self.gateway = gateway
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("LIVEKIT_", "SIP_CONFIG"))}
        self.environment |= {"LIVEKIT_URL": gateway.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET} | environment

    def run(self, *arguments, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess:
        done = subprocess.run([str(part) for part in (binary(), *arguments)], input=stdin, capture_output=True, text=True,
                              env=self.environment, timeout=60)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done

    def text(self, *arguments, **options) -> str:
        return self.run(*arguments, **options).stdout

    def json(self, *arguments, **options) -> list[dict]:
        return [json.loads(line) for line in self.text(*arguments, "--json", **options).splitlines()]

    def failure(self, *arguments, code: int = 1) -> str:
        """The one line that says why."""
        [line] = self.run(*arguments, code=code).stderr.splitlines()
        return line


@pytest.fixture
def shell(tmp_path: pathlib.Path):
    with Gateway(tmp_path, inbound_trunks=[], dispatch_rules=[]) as running:
        yield Shell(running)


# As `lk sip … create` takes them.
INBOUND = {"trunk": {"name": "office", "numbers": [CALLED], "allowedAddresses": ["127.0.0.0/8"]}}
OUTBOUND = {"trunk": {"name": "carrier", "address": "sip.example.com", "numbers": ["+15550100"], "authUsername": "me", "authPassword": "pw"}}
RULE = {"dispatch_rule": {"name": "agents", "rule": {"dispatchRuleDirect": {"roomName": "lobby"}}}}


@pytest.mark.parametrize("kind, document, id_field, change", [
    ("inbound", INBOUND, "sip_trunk_id", {"update": {"numbers": {"add": ["+15550101"]}, "name": "new"}}),
    ("outbound", OUTBOUND, "sip_trunk_id", {"update": {"name": "new"}}),
    ("dispatch", RULE, "sip_dispatch_rule_id", {"update": {"name": "new"}}),
], ids=["inbound", "outbound", "dispatch"])
def test_trunks_and_rules_are_made_listed_changed_and_deleted(shell, tmp_path, kind, document, id_field, change):
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document))
    [made] = shell.json("sip", kind, "create", path)
    identity = made[id_field]
    inner = next(iter(document.values()))
    assert made["name"] == inner["name"]
    table = shell.text("sip", kind, "list").splitlines()
    assert len(table) == 2 and table[0].startswith("ID ") and table[1].startswith(identity) and inner["name"] in table[1]
    assert [item[id_field] for item in shell.json("sip", kind, "list")] == [identity]
    [changed] = shell.json("sip", kind, "update", identity, json.dumps(change))
    assert changed["name"] == "new" and changed["created_at"] == made["created_at"]
    # A whole one, as it is, takes its place; from standard input.
    [replaced] = shell.json("sip", kind, "update", identity, "-", stdin=json.dumps(inner))
    assert replaced["name"] == inner["name"]
    assert identity in shell.text("sip", kind, "delete", identity)
    assert shell.text("sip", kind, "list").startswith("There is no ")
    assert shell.failure("sip", kind, "delete", identity).endswith("(not_found)")


def test_the_older_rule_and_a_bare_trunk_are_taken_too(shell):
    [rule] = shell.json("sip", "dispatch", "create", '{"rule": {"dispatchRuleCallee": {"randomize": true}}, "trunkIds": ["ST_a"]}')
    assert rule["rule"]["dispatch_rule_callee"]["randomize"] and rule["trunk_ids"] == ["ST_a"]
    [trunk] = shell.json("sip", "inbound", "create", '{"numbers": ["+15550100"], "someday": 1}')
    assert trunk["numbers"] == ["+15550100"]


def test_what_is_likely_not_meant_is_told_on_standard_error(shell):
    done = shell.run("sip", "dispatch", "create", '{"rule": {"dispatchRuleCallee": {}}, "trunkIds": ["ST_nobody"], "numbrs": []}')
    assert "warning: JSON: numbrs is no field of it" in done.stderr
    assert "names a trunk that is not there" in done.stderr


def test_mistakes_are_one_line(shell, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"trunk": {"numbers": "+1"')
    assert "expected a JSON object" in shell.failure("sip", "inbound", "create", bad, code=2)
    assert "there is no such file" in shell.failure("sip", "inbound", "create", tmp_path / "no.json", code=2)
    assert "is not what its field in livekit.CreateSIPInboundTrunkRequest takes" in shell.failure("sip", "inbound", "create", '{"trunk": {"numbers": 1}}', code=2)
    assert shell.failure("sip", "inbound", "create", '{"trunk": {}}').endswith("(invalid_argument)")
    assert shell.failure("room", "participants", "nowhere").endswith("(not_found)")
    assert shell.failure("call", "hangup", "SCL_no").endswith("(not_found)")
    assert "does not answer" in shell.failure("room", "list", "--url", f"http://127.0.0.1:{free_port()}")
    assert "--url" in shell.failure("room", "list", "--url", "elsewhere", code=2)
    assert shell.failure("room", "list", "--api-secret", "wrong-secret-of-32-characters....").endswith("(unauthenticated)")
    assert "--help" in shell.failure("sip", "inbound", "list", "--nonsense", code=2)


async def test_rooms_and_their_participants(shell):
    assert shell.text("room", "list") == "There is no room.\n"
    ann = await shell.gateway.join("lobby", "ann")
    assert [room["name"] for room in shell.json("room", "list")] == ["lobby"]
    assert "lobby" in shell.text("room", "list")
    [person] = shell.json("room", "participants", "lobby")
    assert person["identity"] == "ann" and person["kind"] == "STANDARD"
    assert "ann" in shell.text("room", "participants", "lobby").splitlines()[1]
    topics = []
    ann.room.on("data_received", lambda packet: topics.append(packet.topic))
    assert shell.text("room", "send-data", "lobby", "hello", "--topic", "t", "--to", "ann") == "Sent.\n"
    await eventually(lambda: ann.data == [("", b"hello")], "the data")
    assert topics == ["t"]
    shell.run("room", "remove", "lobby", "ann")
    await eventually(lambda: any(name == "disconnected" for name, _ in ann.events), "ann to be out")
    shell.run("room", "delete", "lobby")
    assert shell.json("room", "list") == []


def test_dispatches(shell):
    [made] = shell.json("dispatch", "create", "lobby", "helper", "--metadata", "m")
    assert (made["agent_name"], made["metadata"]) == ("helper", "m")
    assert "helper" in shell.text("dispatch", "list", "lobby")
    assert shell.json("dispatch", "list", "lobby")[0]["id"] == made["id"]
    shell.run("dispatch", "delete", "lobby", made["id"])
    assert shell.text("dispatch", "list", "lobby") == "No agent was asked.\n"


async def test_calls_are_listed_shown_and_ended(shell, tmp_path):
    shell.run("sip", "inbound", "create", json.dumps(INBOUND))
    shell.run("sip", "dispatch", "create", json.dumps(RULE))
    assert shell.text("call", "list") == "There is no call.\n"
    caller = Sipp(shell.gateway, "until_bye", tmp_path)
    [call] = await eventually(lambda: shell.json("call", "list"), "the call")
    assert (call["state"], call["room_name"], call["to"]) == ("CALL_STATE_RINGING", "lobby", CALLED)
    agent = await shell.gateway.join("lobby")
    await agent.publish_tone(700)
    await eventually(lambda: agent.caller() and len(agent.audio(agent.caller().identity)) > 8000, "a second of the call")
    table = shell.text("call", "list").splitlines()
    assert call["call_id"] in table[1] and "active" in table[1] and "office" in table[1]
    shown = shell.text("call", "show", call["call_id"])
    assert "SIP Call-ID" in shown and "PCMA" in shown
    assert shell.json("call", "list", "--room", "other") == []
    assert shell.text("call", "hangup", call["call_id"]) == f"Ended {call['call_id']}.\n"
    caller.wait()


def test_calls_out_and_transfers_say_why_not(shell):
    assert shell.failure("sip", "participant", "create", "--call", "+15550199", "--room", "lobby", "--trunk", "ST_no").endswith("(not_found)")
    assert shell.failure("sip", "participant", "create", '{"sipCallTo": "+1"}').endswith("(invalid_argument)")
    assert shell.failure("sip", "participant", "transfer", "--room", "lobby", "--identity", "sip_1", "--to", "tel:+15550199").endswith("(not_found)")


def test_explain_and_the_start_report_know_what_the_api_has_made(shell):
    shell.run("sip", "inbound", "create", json.dumps(INBOUND))
    shell.run("sip", "dispatch", "create", json.dumps(RULE))
    path = shell.gateway.directory / "trunkline.yaml"
    call = ("--from", "+15550123", "--to", CALLED, "--source", "127.0.0.1", "--config", path)
    assert "Accepted" in shell.text("explain", *call) and "office" in shell.text("explain", *call)
    assert shell.gateway.stop(signal.SIGINT) == 0
    shell.gateway.__enter__()
    log = shell.gateway.log()
    assert "office" in log and "agents" in log and "every call is refused" not in log


def test_on_the_same_machine_the_configuration_file_is_enough(shell):
    shell.run("sip", "inbound", "create", json.dumps(INBOUND))
    alone = Shell(shell.gateway)
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        del alone.environment[name]
    path = shell.gateway.directory / "trunkline.yaml"
    assert len(alone.json("sip", "inbound", "list", "--config", path)) == 1
    alone.environment["SIP_CONFIG_FILE"] = str(path)
    assert len(alone.json("sip", "inbound", "list")) == 1
    # Options go before the environment.
    assert len(alone.json("sip", "inbound", "list", "--url", shell.gateway.url, "--api-key", KEY, "--api-secret", SECRET)) == 1


COMMANDS = [
    "sip", "sip inbound", "sip inbound create", "sip inbound list", "sip inbound update", "sip inbound delete",
    "sip outbound", "sip outbound create", "sip outbound list", "sip outbound update", "sip outbound delete",
    "sip dispatch", "sip dispatch create", "sip dispatch list", "sip dispatch update", "sip dispatch delete",
    "sip participant", "sip participant create", "sip participant transfer",
    "room", "room list", "room participants", "room delete", "room remove", "room send-data",
    "dispatch", "dispatch create", "dispatch list", "dispatch delete", "call", "call list", "call show", "call hangup",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command):
    done = subprocess.run([binary(), *command.split(), "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and f"trunkline {command}" in done.stdout.split("Example")[1].split("USAGE")[0]
