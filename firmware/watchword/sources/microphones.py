"""The microphones that boards may have."""

import sys

from watchword import Refusal


def check(settings):
    """Refusal: there can be no such microphone here now, a pin of it is in use, say."""
    microphone(settings).check()


def microphone(settings):
    """Make the source of a microphone, from a board's settings. Raises Refusal where it cannot be: what is said is one line."""
    fields = dict(settings)
    fields.pop("module", None)  # what it is called
    kind = fields.pop("kind")
    try:
        if kind == "wav" and sys.platform in ("linux", "darwin"):
            from watchword.sources.wav import WavSource as Source
        elif kind == "i2s" and sys.platform == "rp2":
            from watchword.sources.i2s import I2sSource as Source
        elif kind == "i2s" and sys.platform == "esp32":
            from watchword.sources.machine_i2s import MachineI2sSource as Source
        else:
            raise Refusal("this board (%s) hears no microphone of the kind %s" % (sys.platform, kind))
        return Source(**fields)
    except TypeError as error:  # of fields that it does not know, or that are missing
        raise Refusal("microphone %s: %s" % (kind, error))
