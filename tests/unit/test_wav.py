"""WAV files as they come: each kind is read to the bit, or refused in one line."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from tests import wavs
from tests.wavs import COARSE, EXACT, NOTED, REFUSED, SOUND

from watchword.data import audio, codings, containers, wav
from watchword.errors import DataError


def read(tmp_path: Path, content: bytes, name: str = "a.wav") -> tuple[np.ndarray, list[str]]:
    """(samples, notes)."""
    path = tmp_path / name
    path.write_bytes(content)
    notes: list[str] = []
    return audio.read(path, notes.append), notes


@pytest.fixture
def no_soundfile(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that lacks it."""
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)


@pytest.mark.parametrize("kind", EXACT)
def test_the_sound_is_read_to_the_bit(tmp_path: Path, no_soundfile: None, kind: str) -> None:
    samples, notes = read(tmp_path, EXACT[kind])
    coarser = samples & -16 if "20 in" in kind else samples
    assert np.array_equal(coarser, SOUND & -16 if "20 in" in kind else SOUND)
    assert notes == []


@pytest.mark.parametrize("kind", COARSE)
def test_few_bits_give_what_they_can(tmp_path: Path, no_soundfile: None, kind: str) -> None:
    content, most = COARSE[kind]
    samples, notes = read(tmp_path, content)
    assert len(samples) == len(SOUND)
    assert 0 < np.abs(samples.astype(int) - SOUND).max() < most
    assert np.corrcoef(samples, SOUND)[0, 1] > 0.95
    assert notes == []


@pytest.mark.parametrize("kind", NOTED)
def test_what_is_amiss_is_said_and_the_sound_is_read(tmp_path: Path, no_soundfile: None, kind: str) -> None:
    content, said = NOTED[kind]
    samples, notes = read(tmp_path, content)
    assert np.array_equal(samples, SOUND)
    assert len(notes) == 1
    assert notes[0].startswith(said)


@pytest.mark.parametrize("soundfile", [True, False])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, soundfile: bool
) -> None:
    content, said = REFUSED[kind]
    if not soundfile:
        request.getfixturevalue("no_soundfile")
        said = said.replace("cannot be read as WAV of this coding", "WAV of this coding needs soundfile")
    elif "cannot be read as" in said:
        pytest.importorskip("soundfile", reason="the line of a coding that soundfile cannot read is soundfile's")
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path, content)
    line = str(caught.value)
    assert "a.wav" in line
    assert line.isprintable()
    assert len(line) - len(str(tmp_path)) * line.count(str(tmp_path)) < 250


@pytest.mark.parametrize("cut", range(60))
def test_every_truncation_of_the_header_is_one_line(tmp_path: Path, no_soundfile: None, cut: int) -> None:
    with pytest.raises(DataError, match=r"a\.wav: "):
        read(tmp_path, EXACT["chunks on both sides"][:cut])


@pytest.mark.parametrize("missing", [2, 500, 3000])
def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path, missing: int) -> None:
    samples, notes = read(tmp_path, EXACT["plain"][:-missing])
    assert np.array_equal(samples, SOUND[: len(SOUND) - missing // 2])
    assert notes == [wav.TRUNCATED]


def test_loud_sound_after_the_declared_end_is_not_taken_for_a_chunk(tmp_path: Path) -> None:
    """Its values look like letters: 0x41414141."""
    loud = np.full(2000, 0x4141, np.int16)
    samples, notes = read(tmp_path, wavs.wav(data=loud.tobytes(), data_size=1000))
    assert notes == [] or len(samples) == 2000
    quiet = np.concatenate([loud[:500], np.full(1500, -5, np.int16)])
    samples, notes = read(tmp_path, wavs.wav(data=quiet.tobytes(), data_size=1000))
    assert np.array_equal(samples, quiet)
    assert notes == [wav.TOO_SMALL]


@pytest.mark.parametrize(("format", "endian"), [("WAV", "FILE"), ("WAVEX", "FILE"), ("RF64", "FILE"), ("WAV", "BIG")])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_every_coding_equals_libsndfiles(tmp_path: Path, format: str, endian: str, channels: int) -> None:
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "a.wav"
    sound = np.random.default_rng(3).uniform(-0.9, 0.9, (3001, channels))
    ours = set()
    for coding in soundfile.available_subtypes(format):
        try:
            soundfile.write(path, sound, 16_000, subtype=coding, format=format, endian=endian)
        except (soundfile.SoundFileError, ValueError):
            continue  # not with so many channels, or not in this order of bytes
        found = wav.read(path)
        if found is None:
            continue
        ours.add(coding)
        n = len(found.samples)
        expected = soundfile.read(path, always_2d=True)[0] * 32768
        assert 3001 <= n <= len(expected)
        assert np.abs(found.samples - expected[:n]).max() < 0.002  # of a float32
    assert ours >= {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}
    assert format != "WAV" or channels > 2 or "IMA_ADPCM" in ours


def test_no_header_decides_how_much_memory_is_taken(tmp_path: Path) -> None:
    contents = [wavs.rf64(size=320 << 30), wavs.wav(data_size=0xFFFFFFF0), wavs.wav(fmt=wavs.form(rate=384_000))]
    read(tmp_path, contents[-1])  # what is imported for it stays
    for content in [*contents, wavs.wav(fmt=wavs.form(channels=65535))]:
        tracemalloc.start()
        with contextlib.suppress(DataError):
            read(tmp_path, content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20 << 20


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 16_001, 22_050, 44_056, 44_100, 48_000, 96_000, 192_000, 383_999])
def test_every_rate_becomes_16_khz(tmp_path: Path, rate: int) -> None:
    tone = np.rint(8_000 * np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)).astype(np.int16)
    samples, notes = read(tmp_path, wavs.wav(fmt=wavs.form(rate=rate), data=tone.tobytes()))
    assert abs(len(samples) - 8000) <= 3
    expected = 8_000 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / 16_000)
    assert np.abs(samples - expected)[1000:-1000].max() < 200
    assert notes == ([f"recorded at {rate} Hz: nothing above {rate / 2000:g} kHz"] if rate < 16_000 else [])


def test_the_louder_one_of_two_channels_in_opposite_phase_is_taken(tmp_path: Path) -> None:
    half = SOUND // 2
    for left, right, expected in ((SOUND, -half, SOUND), (-half, SOUND, SOUND), (SOUND, half, (SOUND / 2 + half / 2))):
        samples, notes = read(tmp_path, wavs.channels(left, right))
        assert np.abs(samples - expected).max() <= 0.5
        assert len(notes) == (expected is SOUND)
    one_sided, notes = read(tmp_path, wavs.channels(SOUND, SOUND * 0))
    assert np.abs(one_sided - SOUND / 2).max() <= 0.5
    assert notes == []
    silent, notes = read(tmp_path, wavs.channels(SOUND * 0, SOUND * 0))
    assert not silent.any()
    assert notes == []


def test_what_is_cut_off_at_full_scale_is_said(tmp_path: Path) -> None:
    loud = (SOUND.astype(int) * 20).clip(-32768, 32767).astype(np.int16)
    assert read(tmp_path, wavs.wav(data=loud.tobytes()))[1] == ["cut off at full scale: record it less loud"]
    peak = SOUND.copy()
    peak[5] = 32767
    assert read(tmp_path, wavs.wav(data=peak.tobytes()))[1] == []


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(DataError, match=r"a\.wav: is a folder"):
        audio.read(tmp_path / "a.wav")
    for none in ("a\0.wav", "/dev/zero", "x" * 5000):
        with pytest.raises(DataError, match="no such file"):
            audio.read(none)


class TestContainers:
    @pytest.mark.parametrize("ending", ["flac", "ogg", "mp3", "aiff", "caf", "w64", "au"])
    def test_what_soundfile_reads_is_found_in_folders_and_read(self, tmp_path: Path, ending: str) -> None:
        soundfile = pytest.importorskip("soundfile")
        if ending.upper() not in soundfile.available_formats():
            pytest.skip(f"this libsndfile has no {ending}")
        path = tmp_path / f"a.{ending.upper()}"
        soundfile.write(path, np.tile(SOUND, 5), 16_000)
        assert audio.find(tmp_path) == [path]
        samples = audio.read(path)
        assert len(samples) >= 8000
        assert ending in ("ogg", "mp3") or np.array_equal(samples, np.tile(SOUND, 5))

    def test_what_a_file_is_counts_and_not_its_name(self, tmp_path: Path) -> None:
        soundfile = pytest.importorskip("soundfile")
        soundfile.write(tmp_path / "a.flac", SOUND, 16_000)
        assert np.array_equal(read(tmp_path, (tmp_path / "a.flac").read_bytes(), "b.wav")[0], SOUND)
        assert np.array_equal(read(tmp_path, EXACT["plain"], "b.flac")[0], SOUND)

    def test_a_truncated_flac_is_read_as_far_as_it_goes(self, tmp_path: Path) -> None:
        soundfile = pytest.importorskip("soundfile")
        whole = np.random.default_rng(1).integers(-9000, 9000, 200_000).astype(np.int16)
        soundfile.write(tmp_path / "a.flac", whole, 16_000)
        content = (tmp_path / "a.flac").read_bytes()
        samples, notes = read(tmp_path, content[: len(content) * 3 // 4], "b.flac")
        assert 100_000 < len(samples) < 160_000
        assert np.array_equal(samples[:100_000], whole[:100_000])
        assert notes == [wav.TRUNCATED]

    @pytest.mark.parametrize("ending", ["flac", "mp3", "ogg"])
    def test_without_soundfile_the_line_says_how_to_get_it_or_do_without(
        self, tmp_path: Path, no_soundfile: None, ending: str
    ) -> None:
        with pytest.raises(
            DataError, match=rf"a\.{ending}: .* needs soundfile \(pip install soundfile\), or `ffmpeg -i"
        ) as caught:
            read(tmp_path, {"flac": b"fLaC", "mp3": b"ID3", "ogg": b"OggS"}[ending] + bytes(50), f"a.{ending}")
        assert "watchword[" not in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "start"),
        [
            ("a.m4a", b"\0\0\0\x20ftypM4A "),
            ("a.aac", b"\xff\xf1\x50\x80"),
            ("a.webm", b"\x1aE\xdf\xa3\x9f\x42"),
            ("a.amr", b"#!AMR\n\x3c"),
            ("a.3gp", b"\0\0\0\x1cftyp3gp4"),
            ("a.wma", b"\x30\x26\xb2\x75\x8e\x66"),
            ("a.opus", b"something"),
            ("it's one of mine.m4a", b"\0\0\0\x20ftypM4A "),
            ("renamed.wav", b"\0\0\0\x20ftypM4A "),
        ],
    )
    def test_what_is_not_read_is_refused_with_the_command_that_converts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, start: bytes
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path(name).write_bytes(start + bytes(100))
        assert audio.find(tmp_path) == [tmp_path / name]
        with pytest.raises(DataError) as caught:
            audio.read(Path(name))
        line = str(caught.value)
        assert line.startswith(f"{name}: ")
        command = line.split("`")[1]
        # A shell takes the command apart to the very names.
        assert shutil.which("sh")
        said = subprocess.run(["sh", "-c", command.replace("ffmpeg", "printf '%s\\n'", 1)], capture_output=True, text=True)
        made = "renamed-pcm.wav" if name == "renamed.wav" else f"{Path(name).stem}.wav"
        assert said.stdout.splitlines() == ["-i", name, made]

    def test_a_long_path_leaves_the_line_short(self, tmp_path: Path) -> None:
        path = Path("recordings/of/a/telephone" * 5) / "a.m4a"
        assert containers.conversion(path).endswith(" a.wav` makes a WAV of it")


def test_a_block_that_is_longer_than_the_file_takes_no_longer_than_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header may claim blocks of 64 KB over a few bytes."""
    decoded = []
    blocks = codings._ima_blocks
    monkeypatch.setattr(codings, "_ima_blocks", lambda some, channels: decoded.append(some.shape) or blocks(some, channels))
    content = bytes(1024)
    for block, shapes in ((65280, [(1, 1024)]), (512, [(2, 512)]), (768, [(2, 768)]), (1100, [(1, 1024)])):
        decoded.clear()
        found = codings._ima_adpcm(content, codings.Format(codings.Coding.IMA_ADPCM, 1, 16000, block, 4, "<"))
        assert decoded == shapes
        samples = sum(1 + 2 * (len(part) - 4) for part in (content[i : i + block] for i in range(0, 1024, block)))
        assert found.shape == (samples, 1)
