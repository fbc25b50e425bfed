"""Manifests as spreadsheets, scripts and data sets write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchword.data import audio, pictures
from watchword.data.clips import Clip, Selection, speaker_of
from watchword.data.manifests import read_manifest, write_manifest
from watchword.data.sources import read_files
from watchword.errors import DataError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a manifest beside yes/1.wav, yes/2.wav and no/1.wav, which are empty."""
    for name in ("yes/1.wav", "yes/2.wav", "no/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def written(text: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "list.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return written


def read(path: Path, **how: object) -> list[tuple[str, str]]:
    """Files, relative to the manifest, with their labels."""
    clips = read_manifest(path, **how)  # type: ignore[arg-type]
    return [(clip.path.relative_to(path.parent).as_posix(), clip.label) for clip in clips]


def refused(path: Path, **how: object) -> str:
    with pytest.raises(DataError) as caught:
        read_manifest(path, **how)  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.startswith(str(path))
    said = text.removeprefix(str(path))
    assert "\n" not in text
    assert len(said) < 250
    return said


PLAIN = "file,label\nyes/1.wav,yes\nno/1.wav,no\n"
BOTH = [("yes/1.wav", "yes"), ("no/1.wav", "no")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PLAIN, id="plain"),
        pytest.param(PLAIN.replace(",", ";"), id="semicolon"),
        pytest.param(PLAIN.replace(",", "\t"), id="tab"),
        pytest.param("sep=;\n" + PLAIN.replace(",", ";"), id="what Excel writes for itself"),
        pytest.param("sep=\t\n" + PLAIN.replace(",", "\t"), id="the same with tabs"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="Windows"),
        pytest.param(PLAIN.replace("\n", "\r"), id="old macOS"),
        pytest.param("\n\n" + PLAIN.replace("\n", "\n\n  \n,,\n"), id="blank lines"),
        pytest.param("# mine\n" + PLAIN.replace("no/", '# yes/2.wav,yes\n# a, "b\n  #\nno/'), id="comments"),
        pytest.param("my recordings\n" + PLAIN, id="a title"),
        pytest.param("my recordings, of June\nand July\n\n" + PLAIN, id="titles"),
        pytest.param("file , label \n yes/1.wav , yes \n\tno/1.wav,\tno\n", id="blanks round cells"),
        pytest.param('"file" , "label"\n"yes/1.wav" , "yes"\n"no/1.wav","no"', id="quotes"),
        pytest.param(PLAIN.replace("/", "\\"), id="paths of Windows"),
        pytest.param(PLAIN.replace("yes/1", "./yes/1"), id="paths from here"),
        pytest.param("LABEL,File,note\nyes,yes/1.wav,a\nno,no/1.wav\n", id="order, case and short rows"),
        pytest.param("id;file;label\n1;yes/1.wav;yes;;\n2;no/1.wav;no;;\n", id="empty cells beyond the table"),
        pytest.param(PLAIN + PLAIN[: PLAIN.index("\n")] + "\n", id="the header again"),
        pytest.param("#file,label\nyes/1.wav,yes\nno/1.wav,no", id="a header as a comment"),
        pytest.param("yes/1.wav,yes\nno/1.wav,no\n", id="no header"),
        pytest.param("yes;yes/1.wav\nno;no/1.wav\n", id="no header, labels first"),
        pytest.param("# mine\nmy recordings\nyes/1.wav\tyes\nno/1.wav\tno\n", id="no header, a title"),
        pytest.param("yes/1.wav,train,yes\nno/1.wav,test,no\n", id="no header, with splits"),
        pytest.param("speaker,said\nyes/1.wav,yes\nno/1.wav,no\n", id="a header of strange names over two columns"),
    ],
)
def test_all_of_these_say_the_same(write: Write, text: str) -> None:
    assert read(write(text)) == BOTH


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "with a mark: utf-16-le", "with a mark: utf-16-be"]
)
def test_encodings(write: Write, encoding: str) -> None:
    text = PLAIN.replace("no\n", "nö\n")
    mark = "\ufeff" if encoding.startswith("with") else ""
    told: list[str] = []
    assert read(write(mark + text, encoding.rpartition(" ")[2]), report=told.append) == [BOTH[0], ("no/1.wav", "nö")]
    assert not told


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_of_other_scripts(write: Write, encoding: str) -> None:
    assert read(write("yes/1.wav,Ā\nno/1.wav,Ȁ你好\n", encoding)) == [("yes/1.wav", "Ā"), ("no/1.wav", "Ȁ你好")]


def test_latin_1_is_read_and_said(write: Write) -> None:
    told: list[str] = []
    path = write(PLAIN.replace("no\n", "nö\n"), "latin-1")
    assert read(path, report=told.append) == [BOTH[0], ("no/1.wav", "nö")]
    assert told == [f"{path}: is not UTF-8 and is read as Latin-1; if names look wrong, save it as UTF-8"]


@pytest.mark.parametrize("file", ["path", "file", "filename", "wav", "File Name"])
@pytest.mark.parametrize("label", ["label", "class", "word", "category", "target"])
def test_usual_names_of_columns(write: Write, file: str, label: str) -> None:
    text = f"client_id,{file},{label},fold\nann,yes/1.wav,yes,1\nbob,no/1.wav,no,2\n"
    [clip] = read_manifest(write(text), split="2")
    assert (clip.path.name, clip.label, clip.speaker, clip.split) == ("1.wav", "no", "bob", "2")


def test_columns_may_be_named(write: Write) -> None:
    path = write("file,label,said,part\nyes/1.wav,x,yes,a\nno/1.wav,y,no,b\n")
    assert read(path, label_column="Said") == BOTH
    assert read(path, label_column="said", split="b", split_column="part") == BOTH[1:]
    assert refused(path, label_column="word") == ": has no column 'word', only file, label, said, part"
    assert refused(path, split="b", split_column="fold") == ": has no column 'fold', only file, label, said, part"


def test_without_a_header_labels_may_be_called_like_splits(write: Write) -> None:
    assert read(write("yes/1.wav,train\nno/1.wav,test\n")) == [("yes/1.wav", "train"), ("no/1.wav", "test")]


def test_a_file_may_be_called_like_a_comment(write: Write, tmp_path: Path) -> None:
    (tmp_path / "#1.wav").touch()
    assert read(write("file,label\n#1.wav,yes\n#2.wav,yes\n")) == [("#1.wav", "yes")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": is empty"),
        ("\n \n", ": is empty"),
        ("\ufeff", ": is empty"),
        ("file,label\n", ": has a header and no clips below it"),
        ("file,label\n\n# none\n", ": has a header and no clips below it"),
        ("file,said\nyes/1.wav,yes\n", ": has no column 'label', only file, said"),
        ("name,label\na,yes\n", ": has no column of files (file, path, filename, file_name, …): it begins with 'name,label'"),
        (
            "yes/1.wav,yes,ann\n",
            ": which of its 3 columns has the labels is not known: put a line with their names above line 1",
        ),
        (PLAIN + '"yes/2.wav,yes\nyes/2.wav,yes\n', ': line 4 opens a quote (") and does not close it'),
        (PLAIN + 'yes/2.wav,"yes', ': line 4 opens a quote (") and does not close it'),
        ('"file,label\nyes/1.wav,yes\n', ': line 1 opens a quote (") and does not close it'),
        ('# mine\n"yes/1.wav;yes\nno/1.wav;no\n', ': line 2 opens a quote (") and does not close it'),
        ('"yes/1.wav,yes\nno/1.wav,no\n', ': line 1 opens a quote (") and does not close it'),
        (PLAIN + "yes/2.wav,\nno/1.wav,\n", ": line 4 has no label, and 1 more lines have none"),
        (PLAIN + "yes/2.wav\n", ": line 4 has no label"),
        (PLAIN + "  ,yes\n", ": line 4 names no file"),
        (PLAIN + "yes,2.wav,yes\n", ": line 4 has 3 cells and its table 2: a name with ',' in it stands in double quotes"),
        (PLAIN + "yes/2.w\0av,yes\n", ": line 4 holds a byte that no text has (0x00): save it as UTF-8 text"),
        ("file,label\nx.wav,yes\ny.wav,no\n", ": none of its 2 files is there (the first: "),
        (PLAIN + "y" * 70_000, ": line 4 has 70000 characters, at most 65536 are read"),
        (b"PK\3\4" + bytes(40), ": is a ZIP file or a workbook of a spreadsheet: export it as CSV"),
        (b"\xff\xfef\0i\0l\0e\0", ": has a header and no clips below it"),
        ("sep=;\n\n", ": is empty"),
        (b"\xff\xfef\0i\0l\0e\0,", ": begins as UTF-16 and is damaged at byte"),
        (b"RIFF\x24\x80\0\0WAVEfmt \x10\0\0\0\1\0\1\0", ": line 1 holds a byte that no text has (0x00)"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(write: Write, text: str | bytes, said: str) -> None:
    assert refused(write(text)).startswith(said)


def test_what_is_no_manifest_at_all(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.csv") == ": no such file"
    assert refused(tmp_path) == ": is a folder, where a list of files is expected"


def test_a_list_of_more_than_100_mb_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "list.csv").open("wb") as file:
        file.write(b"file,label\n")
        file.truncate(100_000_001)
    assert refused(tmp_path / "list.csv").startswith(": has more than 100 MB")


def test_files_that_are_not_there_are_counted_and_the_first_is_named(write: Write) -> None:
    told: list[str] = []
    path = write(PLAIN + "yes/3.wav,yes\nyes/4.wav,\n")
    assert read(path, report=told.append) == BOTH
    [line] = told
    assert line.startswith(f"{path}: 2 of 4 files are not there and are left out, the first: ")
    assert line.endswith("3.wav', line 4")


def test_a_file_with_two_labels_is_told(write: Write) -> None:
    told: list[str] = []
    path = write(PLAIN + "./yes/1.wav,no\nno/1.wav,no\n")
    assert len(read(path, report=told.append)) == 4
    [line] = told
    assert line.startswith(f"{path}: 1 files have more than one label, the first: ")
    assert line.endswith("'yes' in line 2, 'no' in line 4")


class TestSplits:
    TEXT = "file,label,split\nyes/1.wav,yes,train\nyes/2.wav,yes,Val\nno/1.wav,no,test\n"

    def test_a_split_selects_clips(self, write: Write) -> None:
        assert read(write(self.TEXT), split="test") == [("no/1.wav", "no")]
        assert len(read(write(self.TEXT))) == 3

    @pytest.mark.parametrize("name", ["Val", "val", "validation", "dev"])
    def test_it_may_be_called_by_another_usual_name(self, write: Write, name: str) -> None:
        assert read(write(self.TEXT), split=name) == [("yes/2.wav", "yes")]

    def test_a_name_that_is_there_means_only_that(self, write: Write) -> None:
        text = self.TEXT.replace("test", "dev")
        assert read(write(text), split="dev") == [("no/1.wav", "no")]

    def test_a_split_that_is_not_there(self, write: Write) -> None:
        assert refused(write(self.TEXT), split="2") == ": no clip has split '2'; there are 'Val', 'test', 'train'"

    def test_labels_of_other_splits_may_be_missing(self, write: Write) -> None:
        assert read(write(self.TEXT.replace("wav,no", "wav,")), split="train") == [("yes/1.wav", "yes")]

    def test_a_manifest_without_splits_is_taken_whole_and_that_is_said(self, write: Write) -> None:
        told: list[str] = []
        path = write(PLAIN)
        assert read(path, split="train", report=told.append) == BOTH
        assert told == [f"{path}: names no splits and is taken whole, not only 'train'"]


def test_what_is_selected_is_told(write: Write) -> None:
    text = "file,label,split,speaker\nyes/1.wav,yes,train,ann\nyes/2.wav,yes,train,bob\nno/1.wav,no,test,ann\n"
    selection = Selection.of(read_manifest(write(text)))
    assert selection == Selection(clips=3, speakers=2, splits={"test": 1, "train": 2})
    assert str(selection) == "3 clips (by split: 1 of test, 2 of train; 2 speakers)"
    assert str(Selection.of(read_manifest(write(PLAIN)))) == "2 clips (no splits; speakers not known)"


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("0a7c2a8d_nohash_0.wav", "0a7c2a8d"),
        ("anna_maria_nohash_12.wav", "anna_maria"),
        ("backward_0c540988_nohash_2.flac", "0c540988"),
        ("1.wav", ""),
        ("_nohash_1.wav", ""),
    ],
)
def test_file_names_of_speech_commands_tell_the_speaker(name: str, speaker: str) -> None:
    assert speaker_of(Path("yes") / name) == speaker


def test_background_needs_no_labels(write: Write) -> None:
    assert [clip.path.name for clip in read_files(write("path\nyes/1.wav\nyes/2.wav\n"))] == ["1.wav", "2.wav"]
    assert [clip.path.name for clip in read_files(write("yes/2.wav\nyes/1.wav\n"))] == ["2.wav", "1.wav"]
    assert len(read_files(write("yes/1.wav,1,2,3\nno/1.wav,,,\n"))) == 2


def test_a_written_manifest_reads_back_from_another_folder(tmp_path: Path) -> None:
    clips = [Clip(tmp_path / "data/yes/1.wav", "yes", "ann"), Clip(tmp_path / 'out/#2, "b".wav', "no")]
    for clip in clips:
        clip.path.parent.mkdir(parents=True)
        clip.path.touch()
    write_manifest(tmp_path / "out/list.csv", clips)
    assert "../data/yes/1.wav,yes,ann" in (tmp_path / "out/list.csv").read_text("utf-8")
    found = read_manifest(tmp_path / "out/list.csv")
    assert [(clip.path.resolve(), clip.label) for clip in found] == [(clip.path.resolve(), clip.label) for clip in clips]


# What hypothesis finds it makes small.

pieces = st.sampled_from(
    [
        "file",
        "label",
        "split",
        "yes/1.wav",
        "no/1.wav",
        "yes",
        "no",
        "train",
        ",",
        ";",
        "\t",
        "\n",
        "\r\n",
        '"',
        "#",
        " ",
        "\\",
        "sep=",
        "ä",
        "\0",
    ]
)
damaged = st.builds(
    lambda parts, mark, encoding, cut: (mark + "".join(parts)).encode(encoding)[cut:],
    st.lists(pieces, max_size=25),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-be"]),
    st.integers(0, 3),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=damaged | st.binary(max_size=60), labelled=st.booleans(), split=st.sampled_from([None, "train"]))
def test_whatever_a_manifest_holds_it_is_read_or_refused_in_one_line(
    write: Write, content: bytes, labelled: bool, split: str | None
) -> None:
    path = write(content)
    try:
        clips, said = read_manifest(path, labelled=labelled, split=split), ""
    except DataError as error:
        clips, said = [], str(error)
    assert bool(clips) != bool(said)
    assert said.isprintable()
    assert len(said.replace(str(path.parent), "")) <= 300
    assert all(clip.path.is_file() for clip in clips)
    assert all(clip.label for clip in clips) or not labelled


words = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=12).filter(
    lambda text: (
        text == text.strip() and text[0] != "#" and not text.lower().endswith(tuple(audio.SUFFIXES | pictures.SUFFIXES))
    )
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    labels=st.lists(words, min_size=1, max_size=6),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    header=st.booleans(),
    quoted=st.booleans(),
)
def test_what_a_spreadsheet_writes_is_what_is_read(
    write: Write, labels: list[str], separator: str, encoding: str, ending: str, header: bool, quoted: bool
) -> None:
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    table = csv.writer(text, delimiter=separator, lineterminator=ending, quoting=quoting)
    if header:
        table.writerow(("label", "path"))
    table.writerows((label, "yes/1.wav") for label in labels)
    assert [label for _, label in read(write(text.getvalue(), encoding))] == labels
