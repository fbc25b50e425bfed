"""The programs that layers_data.py makes, one after another."""

import json


def cases(every=1):
    """(name, samples, layers, file of inputs and outputs) of every case, whose program is then in case.ww."""
    block = bytearray(512)
    with open("cases.jsonl") as lines, open("cases.bin", "rb") as content:
        for i, line in enumerate(lines):
            name, program_size, size, samples, layers = json.loads(line)
            end = content.tell() + program_size + size
            if i % every == 0:
                with open("case.ww", "wb") as f:
                    while program_size:
                        n = content.readinto(memoryview(block)[: min(program_size, 512)])
                        f.write(memoryview(block)[:n])
                        program_size -= n
                yield name, samples, layers, content
            content.seek(end)
