"""Folders of recordings and pictures as people have them: order, what systems leave in them, Speech Commands' layout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from watchword.cli.options import named_files
from watchword.data import audio, files, pictures
from watchword.data.folders import noise_files, read_folder
from watchword.data.sources import read_files, read_source
from watchword.errors import DataError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


LEFT_BEHIND = ("._1.wav", ".DS_Store", "Thumbs.db", ".hidden/1.wav", "__MACOSX/1.wav", "__MACOSX/._2.wav", "@eaDir/1.wav")


class TestFiles:
    def found(self, folder: Path) -> list[str]:
        return [path.relative_to(folder).as_posix() for path in files.find(folder, audio.SUFFIXES)]

    def test_natural_order(self, tmp_path: Path) -> None:
        touch(
            tmp_path,
            "10.wav",
            "2.wav",
            "1.wav",
            "b10a.wav",
            "B9.wav",
            "a/12.wav",
            "a/3.wav",
            "a 2.wav",
            "a10/1.wav",
            "a9/1.wav",
        )
        assert self.found(tmp_path) == [
            *("1.wav", "2.wav", "10.wav", "a/3.wav", "a/12.wav", "a9/1.wav", "a10/1.wav", "a 2.wav", "B9.wav", "b10a.wav")
        ]

    def test_order_does_not_depend_on_the_system(self, tmp_path: Path) -> None:
        paths = [Path(name) for name in ("a1", "A1", "a01", "1a", "1", "01", "²", "a")]
        backwards = paths[::-1]
        assert sorted(paths, key=files.natural) == sorted(backwards, key=files.natural)
        assert len({files.natural(path) for path in paths}) == len(paths)

    def test_what_systems_leave_is_passed_over(self, tmp_path: Path) -> None:
        assert self.found(touch(tmp_path, "1.wav", "in/2.wav", *LEFT_BEHIND, *(f"in/{name}" for name in LEFT_BEHIND))) == [
            "1.wav",
            "in/2.wav",
        ]

    def test_the_folder_itself_may_be_hidden(self, tmp_path: Path) -> None:
        assert self.found(touch(tmp_path / ".cache/__MACOSX", "1.wav")) == ["1.wav"]

    def test_endings_in_capitals_count(self, tmp_path: Path) -> None:
        assert self.found(touch(tmp_path, "1.WAV", "2.Flac", "3.txt", "wav")) == ["1.WAV", "2.Flac"]
        assert [path.name for path in pictures.find(touch(tmp_path, "1.JPG", "2.jpeg"))] == ["1.JPG", "2.jpeg"]

    def test_links_that_lead_in_a_circle_end(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/1.wav", "b/2.wav")
        (tmp_path / "a/up").symlink_to(tmp_path)
        (tmp_path / "b/b").symlink_to(tmp_path / "b")
        (tmp_path / "self").symlink_to(tmp_path / "self")
        assert self.found(tmp_path) == ["a/1.wav", "b/2.wav"]

    def test_links_that_lead_up_bring_nothing_of_other_labels(self, tmp_path: Path) -> None:
        touch(tmp_path, "yes/1.wav", "no/2.wav")
        (tmp_path / "yes/up").symlink_to("..")
        assert self.found(tmp_path / "yes") == ["1.wav"]
        assert [clip.label for clip in read_folder(tmp_path)] == ["no", "yes"]

    def test_links_to_folders_and_files_count(self, tmp_path: Path) -> None:
        touch(tmp_path, "data/1.wav", "here/3.wav")
        (tmp_path / "here/there").symlink_to(tmp_path / "data")
        (tmp_path / "here/2.wav").symlink_to(tmp_path / "data/1.wav")
        assert self.found(tmp_path / "here") == ["2.wav", "3.wav", "there/1.wav"]

    def test_what_is_no_file_does_not_count(self, tmp_path: Path) -> None:
        (tmp_path / "1.wav").mkdir()
        (tmp_path / "2.wav").symlink_to(tmp_path / "gone.wav")
        os.mkfifo(tmp_path / "3.wav")  # would be waited for
        assert self.found(touch(tmp_path, "1.wav/4.wav")) == ["1.wav/4.wav"]

    def test_patterns(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        touch(tmp_path, "10.wav", "9.wav", "._9.wav", "in/1.wav")
        assert [path.name for path in files.matching(tmp_path / "*.wav")] == ["9.wav", "10.wav"]
        touch(tmp_path, ".mine/1.wav", "__MACOSX/1.wav", "in/.x/1.wav")
        assert [path.parent.name for path in files.matching(tmp_path / "**/1.wav")] == ["in"]
        assert [path.parent.name for path in files.matching(tmp_path / ".mine/*.wav")] == [".mine"]
        monkeypatch.chdir(tmp_path)
        assert files.matching(Path("*/*.wav")) == [Path("in/1.wav")]
        with pytest.raises(DataError, match=r"\*\*x: no pattern of files: "):
            files.matching(Path("**x"))

    def test_what_a_command_names(self, tmp_path: Path) -> None:
        touch(tmp_path, "10.wav", "9.wav", "in/1.wav", "Thumbs.db", "._9.wav")

        def named(*names: str) -> list[str]:
            return [path.name for path in named_files([tmp_path / name for name in names], audio.find, "sound")]

        assert named("Thumbs.db", "10.wav", "._9.wav", "in", "9.wav") == ["10.wav", "1.wav", "9.wav"]
        assert named("._9.wav") == ["._9.wav"]
        assert named("*") == ["9.wav", "10.wav", "1.wav"]
        with pytest.raises(DataError, match=r"\*\.flac: no sound files there"):
            named("*.flac")
        with pytest.raises(DataError, match=r"gone\.wav: no such file"):
            named("9.wav", "gone.wav")

    def test_a_folder_that_cannot_be_read_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: object) -> object:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "scandir", refuse)
        monkeypatch.setattr(os, "listdir", refuse)
        for listing in (lambda: files.find(tmp_path, audio.SUFFIXES), lambda: files.sub_folders(tmp_path)):
            with pytest.raises(DataError) as caught:
                listing()
            assert str(caught.value) == f"{tmp_path}: cannot be read: Permission denied"


class TestFolder:
    def read(self, folder: Path, **how: object) -> list[tuple[str, str]]:
        return [(clip.path.relative_to(folder).as_posix(), clip.label) for clip in read_folder(folder, **how)]  # type: ignore[arg-type]

    def test_a_folder_has_a_sub_folder_per_label(self, tmp_path: Path) -> None:
        touch(tmp_path, "yes/10.wav", "yes/2.WAV", "yes/ann/1.wav", "no/c.flac", "no/notes.txt", *LEFT_BEHIND)
        assert self.read(tmp_path) == [
            ("no/c.flac", "no"),
            ("yes/2.WAV", "yes"),
            ("yes/10.wav", "yes"),
            ("yes/ann/1.wav", "yes"),
        ]
        assert self.read(touch(tmp_path, "cat/1.PNG", "cat/._1.png"), suffixes=pictures.SUFFIXES) == [("cat/1.PNG", "cat")]

    def test_a_label_is_refused_by_its_folder(self, tmp_path: Path) -> None:
        [clip] = read_folder(touch(tmp_path, "Yes/1.wav"))
        assert clip.place == str(tmp_path / "Yes")

    def test_what_is_left_out_is_told(self, tmp_path: Path) -> None:
        told: list[str] = []
        touch(tmp_path, "yes/1.wav", "no/1.txt", "2.wav", "10.wav", "_background_noise_/a.wav")
        assert self.read(tmp_path, report=told.append) == [("yes/1.wav", "yes")]
        assert told == [
            f"{tmp_path}: 1 sub-folders hold nothing to use: no",
            f"{tmp_path}: 2 files in no sub-folder have no label and are left out, the first: '2.wav'",
            f"{tmp_path}: _background_noise_ is noise, and no label",
        ]

    def test_folders_without_labelled_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="none: no such folder"):
            read_folder(tmp_path / "none")
        with pytest.raises(
            DataError, match=r"nothing to use \(.*\.wav.*\) there; one sub-folder of files for each label is expected"
        ):
            read_folder(tmp_path)
        with pytest.raises(DataError, match="2 files lie beside one another there; one sub-folder"):
            read_folder(touch(tmp_path, "1.wav", "2.wav"))

    def test_background_is_all_that_a_folder_holds(self, tmp_path: Path) -> None:
        touch(tmp_path, "10.wav", "2.wav", "_background_noise_/a.wav", "talk/b.wav", "me.png", *LEFT_BEHIND)
        assert [clip.path.name for clip in read_files(tmp_path)] == ["2.wav", "10.wav", "a.wav", "b.wav"]
        assert [clip.path.name for clip in read_files(tmp_path, pictures.SUFFIXES)] == ["me.png"]
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match=r"empty: no files that are read there \(.*\.wav"):
            read_files(tmp_path / "empty")


class TestSpeechCommands:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """The layout of Speech Commands, its files converted to FLAC."""
        touch(
            tmp_path,
            *(
                f"{word}/{speaker}_nohash_{n}.flac"
                for word in ("yes", "no")
                for speaker in ("ann", "bob", "cy")
                for n in (0, 1)
            ),
            *("_background_noise_/pink_noise.wav", "LICENSE", "README.md"),
        )
        lists = {"validation_list.txt": "bob", "testing_list.txt": "cy"}
        for name, speaker in lists.items():
            lines = [f"{word}/{speaker}_nohash_{n}.wav\n" for word in ("yes", "no") for n in (0, 1)]
            (tmp_path / name).write_text("".join(lines))
        return tmp_path

    @pytest.mark.parametrize(
        ("split", "speaker"),
        [("train", "ann"), ("training", "ann"), ("validation", "bob"), ("dev", "bob"), ("test", "cy"), ("testing", "cy")],
    )
    def test_lists_are_splits_and_names_tell_speakers(self, folder: Path, split: str, speaker: str) -> None:
        clips = read_source(folder, split=split)
        assert [(clip.label, clip.speaker) for clip in clips] == [("no", speaker)] * 2 + [("yes", speaker)] * 2

    def test_without_a_choice_there_are_all_but_noise(self, folder: Path) -> None:
        clips = read_folder(folder)
        assert len(clips) == 12
        assert {(clip.speaker, clip.split) for clip in clips} == {("ann", "train"), ("bob", "validation"), ("cy", "test")}
        assert [path.name for path in noise_files(folder)] == ["pink_noise.wav"]
        assert noise_files(folder / "yes") == []

    def test_lists_of_windows_and_with_blank_lines(self, folder: Path) -> None:
        text = (folder / "testing_list.txt").read_text()
        (folder / "testing_list.txt").write_text("\ufeff" + text.replace("/", "\\").replace("\n", "\r\n\r\n"), "utf-8")
        assert len(read_folder(folder, split="test")) == 4

    def test_files_of_a_list_that_are_not_there_are_counted(self, folder: Path) -> None:
        (folder / "yes/bob_nohash_0.flac").unlink()
        told: list[str] = []
        assert len(read_folder(folder, split="validation", report=told.append)) == 3
        text = "1 of 8 files in validation_list.txt and testing_list.txt are not there: 'yes/bob_nohash_0', …"
        assert told[-1] == f"{folder}: {text}"

    def test_a_folder_without_lists_is_taken_whole_and_that_is_said(self, folder: Path) -> None:
        (folder / "validation_list.txt").unlink()
        (folder / "testing_list.txt").unlink()
        told: list[str] = []
        assert len(read_folder(folder, split="test", report=told.append)) == 12
        assert told[-1] == f"{folder}: names no splits and is taken whole, not only 'test'"
