"""What the host can ask: a method do_NAME for each request, in a file for each subject. docs/protocol.md specifies them.

Requests translate: what they ask for is done elsewhere. A subject is loaded when it is first asked about. One that has
something to say when the pipeline has gone on is the app's `following`: it has `follow()`, `stop()`, with which what is under
way is forgotten, `waiting`, whether no other request is read before, and `spent(us)`, which hears how long a request took.
"""

from binascii import b2a_base64

from watchword import Refusal

# What nobody asks for takes no heap.
SUBJECTS = {
    "info": "store",
    "restart": "store",
    "push": "store",
    "chunk": "store",
    "commit": "store",
    "models": "store",
    "rollback": "store",
    "activate": "store",
    "remove": "store",
    "stream": "sound",
    "sound": "sound",
    "end": "sound",
    "scores": "sound",
    "view": "pictures",
    "frame": "pictures",
    "taught": "taught",
    "enrol": "taught",
    "forget": "taught",
    "shot": "taught",
    "hear": "hearing",
    "cutoff": "hearing",
    "mute": "hearing",
    "settings": "settings",
    "microphone": "settings",
    "when": "settings",
    "never": "settings",
    "name": "settings",
    "run": "tensors",
    "read": "tensors",
    "bench": "tensors",
    "live": "live",
}


class RequestError(Refusal):
    """Raised while a request is handled; becomes its error reply."""


class Requests:
    """Those of one subject. Each method returns the fields of the reply, or None when it replies later."""

    def __init__(self, app):
        self.app = app
        self.link = app.link

    @property
    def store(self):
        if self.app.store is None:
            raise RequestError(self.app.note)
        return self.app.store


def field(request, name, kind, default=None):
    """A field of a request, of the type that is expected."""
    value = request.get(name, default)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise RequestError("%s: %s is expected" % (name, kind.__name__))
    return value


def base64(data):
    return b2a_base64(bytes(data)).decode().strip()


def int8(v):
    """A byte as the int8 that it is."""
    return v - 256 if v > 127 else v
