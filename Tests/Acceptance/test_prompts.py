"""What callers hear around a PIN: the WAV files that come with the program."""

import pathlib
import subprocess
import wave

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMPTS = ROOT / "conf" / "prompts"
NAMES = ["enter_pin", "room_join", "wrong_pin"]


def test_the_script_speaks_what_is_shipped(tmp_path):
    subprocess.run([ROOT / "scripts" / "make-prompts", "--output", tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(made) == [f"{name}.wav" for name in NAMES]
    assert made == {path.name: path.read_bytes() for path in PROMPTS.glob("*.wav")}


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_short_clear_speech(name):
    with wave.open(str(PROMPTS / f"{name}.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        frames = memoryview(file.readframes(file.getnframes())).cast("h")
    assert 1 <= len(frames) / 8000 <= 5
    assert 0.5 <= max(map(abs, frames)) / 32768 <= 0.75
    # Little of it is silence, or the caller would wait.
    ticks = [frames[start : start + 160] for start in range(0, len(frames) - 160, 160)]
    silent = sum(max(map(abs, tick)) < 200 for tick in ticks)
    assert silent / len(ticks) < 0.35


def test_another_text_makes_another_sound(tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("# prose\n\nhallo: Guten Tag.\n", encoding="utf-8")
    command = [ROOT / "scripts" / "make-prompts", "--texts", texts, "--output", tmp_path, "--voice", "de"]
    subprocess.run(command, check=True)
    assert [path.name for path in tmp_path.glob("*.wav")] == ["hallo.wav"]
