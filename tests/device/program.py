"""Programs that are damaged, or made to do harm: refused, or harmless."""

import hashlib
import struct

import programs
from programs import SLOW

from watchword import program

WORK = 20_000  # steps of inner loops, above which a program is not run: it is slow, not wrong


def contents():
    """(name, bytes) of all of them."""
    for name, path, _, _, _ in programs.cases():
        with open(path, "rb") as f:
            yield name, bytearray(f.read())


def content():
    return next(contents())[1]


HASH = program.HEADER_SIZE
BODY = HASH + 32


def write(data, rehash=True):
    """The path of the file."""
    if rehash:
        sha = hashlib.sha256(data[:HASH])
        sha.update(data[BODY:])
        data[HASH:BODY] = sha.digest()
    path = programs.place(len(data))
    with open(path, "wb") as f:
        f.write(data)
    return path


def refusal(data, rehash=True):
    path = write(data, rehash)
    try:
        program.load(path).close()
    except program.ProgramError as error:
        return str(error)
    return None


def test_any_flipped_bit_is_noticed():
    data = content()
    for at in range(0, len(data), 200 if SLOW else 5):
        data[at] ^= 4
        assert refusal(data, rehash=False), at
        data[at] ^= 4
    assert refusal(data, rehash=False) is None


def test_a_cut_off_file_is_refused():
    data = content()
    for n in (0, 3, HASH - 1, HASH, BODY - 1, BODY, len(data) // 2, len(data) - 1):
        assert refusal(data[:n], rehash=n > BODY)


def test_what_is_for_something_else_is_named():
    for at, value, words in ((4, 9, "format 9"), (6, 9, "kernels 9"), (8, ord("z"), "compiled for z")):
        data = content()
        data[at] = value
        assert words in refusal(data), words


def test_changed_parameters_are_refused_or_harmless():
    """Every parameter of every kernel set to what may hurt: the step is refused, or it runs and stays in its buffers."""
    refused = ran = slow = tried = 0
    for name, original in contents():
        if name[-1] != "3" or name[-2] in "12":
            continue
        tried += 1  # one of each kind
        if SLOW and tried % 3:
            continue
        at, size = struct.unpack_from("<II", original, 36)
        for word in range(size // 4):
            values = (0, 1, 255, 4096, 0x7FFFFFF0, -1, -5000)
            for turn in (0, 3) if SLOW else (0, 2, 4):  # of neighbours other ones
                value = values[(word + tried + turn) % 7]
                data = bytearray(original)
                struct.pack_into("<i", data, at + 4 * word, value)
                if refusal(data):
                    refused += 1
                    continue
                path = programs.place(len(data))
                loaded = program.load(path)
                if sum([programs.work(step) for step in loaded.steps]) > WORK:
                    slow += 1
                else:
                    programs.once(loaded, path)
                    ran += 1
                loaded.close()
    print(refused, "refused,", ran, "ran,", slow, "would take long")
    assert min(refused, ran) > 50


def test_sections_outside_the_file_are_refused():
    for field in range(20, HASH, 4):
        data = content()
        struct.pack_into("<I", data, field, 0x7FFFFFF0)
        assert refusal(data), field


def test_sizes_that_no_board_has_are_told_before_anything_is_allocated():
    for arena, word in ((0x7FFFFFF0, "RAM"), (0xFFFFFFFF, "RAM"), (0, "input or output")):
        data = content()
        struct.pack_into("<I", data, 60, arena)
        assert word in refusal(data), arena


def test_an_empty_input_or_output_is_refused():
    for field in (68, 76):
        data = content()
        struct.pack_into("<I", data, field, 0)
        assert "empty" in refusal(data)


def test_a_description_that_is_too_long_or_no_table_is_refused_also_where_only_it_is_read():
    for text, word in (
        (b"{x", "not readable"),
        (b"[1]", "not readable"),
        (b"\xff", "not readable"),
        (b" " * 65537, "65537 bytes"),
    ):
        if SLOW and len(text) > 1000:
            continue  # the test itself has no room for it
        data = content()
        while len(data) % 4:
            data.append(0)
        struct.pack_into("<II", data, 20, len(data), len(text))
        data += text
        struct.pack_into("<I", data, 16, len(data))
        assert word in refusal(data), text[:3]
        try:
            program.describe(programs.place(len(data)))
        except program.ProgramError as error:
            assert word in str(error), text[:3]
        else:
            raise AssertionError("described")
