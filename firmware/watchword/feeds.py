"""What a pipeline asks of a program that it is to feed: of its description, and of the bytes of its input and output.

The host asks the same before it sends a program. Loaded when a pipeline is made; also runs on CPython.
"""

CHANNELS = 40  # features in a frame
HOPS = (10, 20)  # ms
LONGEST_WINDOW = 32  # runs of the model
LONGEST_STRIDE = 100  # frames
LONGEST_REFRACTORY = 60  # seconds


def sound(d, inputs, outputs):
    """ValueError: why the sound pipeline cannot feed it. KeyError, TypeError: its description is damaged."""
    if d["kind"] != "sound":
        raise ValueError("it is for no sound, its kind is %s" % d["kind"])
    if d["features"] != "micro":
        raise ValueError("it takes %s features, which no front end here makes" % d["features"])
    _one_output_per_label(d, outputs)
    if inputs < 1 or inputs % CHANNELS:
        raise ValueError("its input of %d values is no frames of %d features" % (inputs, CHANNELS))
    hop = d["frontend"]["hop_ms"]
    if not isinstance(hop, int) or hop not in HOPS:
        raise ValueError("its hop_ms is not 10 or 20")
    _decision(d["decision"])


def picture(d, inputs, outputs, longest):
    """The same of the picture pipeline. longest: pixels of a side of a frame."""
    if d["kind"] != "picture":
        raise ValueError("it is for no pictures, its kind is %s" % d["kind"])
    _one_output_per_label(d, outputs)
    shape = [int(n) for n in d["shape"]]
    text = "x".join([str(n) for n in shape])
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError("its input of %s is no picture of 1 or 3 channels" % text)
    if not 1 <= shape[0] <= longest or not 1 <= shape[1] <= longest:
        raise ValueError("its input of %s has sides of more than %d pixels" % (text, longest))
    if shape[0] * shape[1] * shape[2] != inputs:
        raise ValueError("its input has %d bytes, not as many as its shape of %s says" % (inputs, text))
    if not 1 <= d["input"]["multiplier"] <= 1 << 20 or not -128 <= d["input"]["offset"] <= 127:
        raise ValueError("its input has a multiplier or an offset out of range")
    _decision(d["decision"])


def _one_output_per_label(d, outputs):
    if not isinstance(d["labels"], list) or not all(isinstance(label, str) for label in d["labels"]):
        raise ValueError("its labels are no list of names")
    if len(d["labels"]) != outputs:
        raise ValueError("its outputs are %d, its labels %d: one for each is expected" % (outputs, len(d["labels"])))


def _decision(decision):
    """ValueError: by such a description, which comes from outside, decision.py would leave its buffers, or not end."""
    for key, most in (("window", LONGEST_WINDOW), ("stride", LONGEST_STRIDE)):
        if not isinstance(decision[key], int) or not 1 <= decision[key] <= most:
            raise ValueError("its %s is no whole number from 1 to %d" % (key, most))
    for key, most in (("cutoff", 1), ("refractory", LONGEST_REFRACTORY)):
        if not 0 <= decision[key] <= most:
            raise ValueError("its %s is no number from 0 to %d" % (key, most))
