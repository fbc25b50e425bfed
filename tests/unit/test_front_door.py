"""`import watchword` keeps what it promises, in a process that has imported nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import watchword

MODULES = [name for name in watchword.__all__ if name.islower() and name not in ("__version__", "load")]
NAMES = re.compile(r"\bwatchword((?:\.[A-Za-z_]\w*)+)")

EVERYTHING = """
import importlib, pathlib, watchword
root = pathlib.Path(watchword.__file__).parent
for path in root.rglob("*.py"):
    importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__"))
"""


def python(code: str) -> str:
    """What a fresh process prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_all_is_sorted_and_holds_nothing_twice() -> None:
    assert watchword.__all__ == sorted(set(watchword.__all__))


@pytest.mark.parametrize("name", watchword.__all__)
def test_each_name_is_there_at_once(name: str) -> None:
    python(f"import watchword; assert watchword.{name} is not None; assert {name!r} in dir(watchword)")


def test_a_star_brings_all_of_them() -> None:
    python(f"from watchword import *; print({', '.join(watchword.__all__)})")


@pytest.mark.parametrize("first", ["", EVERYTHING], ids=["nothing imported before", "everything imported before"])
def test_each_name_is_of_one_kind_whatever_was_imported_before(first: str) -> None:
    kinds = f"{{name: type(getattr(watchword, name)).__name__ for name in {watchword.__all__}}}"
    code = f"import watchword\n{first}before = {kinds}\n{EVERYTHING}assert before == {kinds}\nprint(before)"
    found = eval(python(code))
    assert [name for name, kind in found.items() if kind == "module"] == MODULES
    assert {name: kind for name, kind in found.items() if kind != "module"} == {
        "Board": "type",
        "Detection": "type",
        "Model": "type",
        "__version__": "str",
        "load": "function",
    }


def test_importing_it_brings_nothing_heavy() -> None:
    heavy = "{'numpy', 'scipy', 'serial', 'rich', 'typer', 'tflite'}"
    assert python(f"import sys, watchword; print(sorted({heavy} & set(sys.modules)))").strip() == "[]"


def test_the_command_line_brings_nothing_that_few_commands_need() -> None:
    """To import scipy takes as long as all the rest."""
    slow = "{'scipy', 'soundfile', 'sounddevice', 'PIL', 'matplotlib'}"
    assert python(f"import sys, watchword.cli; print(sorted({slow} & set(sys.modules)))").strip() == "[]"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'watchword' has no attribute 'nonsense'"):
        watchword.nonsense  # noqa: B018


def promised(root: Path) -> list[str]:
    """The names that the docstring, the README and the docs say are there."""
    texts = [str(watchword.__doc__), *re.findall(r"```python\n(.*?)```", (root / "README.md").read_text("utf-8"), re.DOTALL)]
    return sorted({name for text in [*texts, (root / "docs/api.md").read_text("utf-8")] for name in NAMES.findall(text)})


def test_all_that_docstring_and_docs_name_is_there(root: Path) -> None:
    names = promised(root)
    assert {".compile.compile", ".train.train", ".evaluate.evaluate", ".errors.WatchwordError"} <= set(names)
    assert set(watchword.__all__) - {"__version__"} <= {name.split(".")[1] for name in names}  # each of them is told of
    python("import watchword\n" + "".join(f"watchword{name}\n" for name in names))


def test_the_example_of_the_docs_runs(root: Path, tmp_path: Path) -> None:
    """Up to where it needs a board."""
    block, _, _ = re.findall(r"```python\n(.*?)```", (root / "docs/api.md").read_text("utf-8"), re.DOTALL)
    shutil.copy(root / "models/keywords/clips/yes_f292725f.wav", tmp_path / "clip.wav")
    (tmp_path / "models").symlink_to(root / "models")
    code = f"import os\nos.chdir({str(tmp_path)!r})\n{block.partition('with watchword.Board')[0]}"
    assert python(code) == "yes 0.93\n"


def test_the_network_of_the_docs_is_trained_and_written(root: Path) -> None:
    _, block, _ = re.findall(r"```python\n(.*?)```", (root / "docs/api.md").read_text("utf-8"), re.DOTALL)
    told = python(block + "print(value < 0.35, [op.kind for op in tflite.read(content, 'bright').operations])")
    assert told.startswith(
        "True ['Conv2D', 'DepthwiseConv2D', 'Conv2D', 'Add', 'AveragePool2D', 'Reshape', 'Dense', 'Softmax']"
    ), told


def test_type_checkers_see_the_real_types(tmp_path: Path, root: Path) -> None:
    api = pytest.importorskip("mypy.api", reason="mypy is not installed: pip install mypy")
    program = tmp_path / "program.py"
    program.write_text(
        "import watchword\n"
        "reveal_type(watchword.load)\n"
        "reveal_type(watchword.Board.open())\n"
        "reveal_type(watchword.train.train)\n"
        "reveal_type(watchword.compile.compile)\n"
        "reveal_type(watchword.evaluate.evaluate)\n"
        "reveal_type(watchword.errors.WatchwordError)\n"
        "watchword.nonsense\n"
    )
    said, errors, _ = api.run(["--config-file", str(root / "pyproject.toml"), str(program)])
    assert errors == ""
    types = re.findall(r'Revealed type is "(.*)"', said)
    assert len(types) == 6, said
    assert not any(re.search(r"\bAny\b", one.split(" -> ")[-1]) for one in types), types
    assert 'Module has no attribute "nonsense"' in said
