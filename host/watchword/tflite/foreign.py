"""What a file is that is no `.tflite`, by its first bytes, and what to do about it."""

from __future__ import annotations

from pathlib import Path

_IDENTIFIER = b"TFL3"  # from byte 4 on
_HEAD = 4096  # bytes in which text is looked for
_CONVERT = "convert it with tf.lite.TFLiteConverter to a full-integer .tflite"
_UNPACK = "unpack it first"
_FETCH = "fetch the file itself"

_PREFIXES: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer", "`git lfs pull` fetches the file itself"),
    (b"/annex/objects/", "a git-annex pointer", "`git annex get` fetches the file itself"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes .h5 models", _CONVERT),
    (b"\x08\x01\x12", "TensorFlow's saved_model.pb", _CONVERT),
    (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", "a PyTorch file", "export it, and convert it to a full-integer .tflite"),
    (b"WWRD", "a compiled program (.ww)", "`watchword push` sends it; other commands take the .tflite that it was made of"),
    (b"\x93NUMPY", "a NumPy array", "name the .tflite"),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"RIFF", "a recording or a picture", "name the .tflite"),
    (b"\x89PNG", "a picture", "name the .tflite"),
    (b"\xff\xd8\xff", "a picture", "name the .tflite"),
    (b"UF2\n", "a firmware (.uf2)", "name the .tflite"),
    (b"GGUF", "a GGUF language model", "models here are .tflite"),
)
_ONNX_VERSIONS = range(3, 32)  # of its format, the first field
_ONNX_FIELDS = (0x12, 0x1A, 0x22, 0x32, 0x3A, 0x42)  # what may come next: texts, the graph, the operators


def is_tflite(content: bytes) -> bool:
    """Whether the bytes bear the identifier of a `.tflite`."""
    return content[4:8] == _IDENTIFIER


def told(content: bytes) -> str:
    """What bytes without that identifier are, and what to do, to stand in a message."""
    what, advice = _identify(content)
    return f"not a .tflite file {f'but {what}' if what else '(the identifier TFL3 is missing)'}: {advice}"


def _identify(content: bytes) -> tuple[str, str]:
    """(what they are; empty: nobody knows, what to do)."""
    if not content.strip(b"\0"):
        return ("an empty one" if not content else "nothing but zeros"), "download or export it again"
    for prefix, what, advice in _PREFIXES:
        if content.startswith(prefix):
            return what, advice
    if content.startswith(b"PK\3\4"):
        return _archive(content)
    if len(content) > 2 and content[0] == 8 and content[1] in _ONNX_VERSIONS and content[2] in _ONNX_FIELDS:
        return "an ONNX model", "convert it, by onnx2tf say, to a full-integer .tflite"
    if content[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    return _text(content[:_HEAD])


def folder(path: Path) -> str:
    """What to do about a folder, to stand in a message."""
    if (path / "saved_model.pb").is_file():
        return f"not a .tflite file but TensorFlow's SavedModel: {_CONVERT}"
    found = sorted(file.name for file in path.glob("*.tflite"))
    return f"a folder: name the file in it, such as {found[0]}" if found else "a folder: name a .tflite"


def _archive(content: bytes) -> tuple[str, str]:
    """A ZIP by the names of the files in it, which stand in the clear."""
    if b"model.weights.h5" in content:
        return "a Keras model (.keras)", _CONVERT
    if b"/data.pkl" in content or b"constants.pkl" in content:
        return "a PyTorch model", "export it, and convert it to a full-integer .tflite"
    return "a ZIP archive", _UNPACK


def _text(head: bytes) -> tuple[str, str]:
    """What text is, and all that nothing is known of."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml", b"<!--")):
        return "a web page", f"{_FETCH}: on GitHub by `Download raw file`"
    if b"unsigned char" in head or b"uint8_t" in head:
        return "C source with a model in it", "name the .tflite that it was made of"
    if start.startswith(b"{"):
        return "JSON", "name the .tflite that lies beside it"
    if start.startswith(b"\x0a") or b"Placeholder" in head:
        return "a TensorFlow graph (.pb)", _CONVERT
    return "", f"{_FETCH}, or export it again"
