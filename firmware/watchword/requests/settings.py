"""Requests about what the owner of a board sets: its name, its microphone, and what words switch."""

from watchword import Refusal, board
from watchword.requests import RequestError, Requests, field
from watchword.sources.microphones import check

PINS = ("sck", "ws", "sd")


class Subject(Requests):
    def do_settings(self, request):
        settings = dict(self.app.need_settings())
        del settings["tuned"]
        settings["cutoffs"] = self.app.cutoffs()
        return settings

    def do_microphone(self, request):
        """It counts from the next start on, which finds room for its ring on a fresh heap."""
        found = request.get("set")
        if found is not None:
            field(request, "set", dict)
            field(found, "kind", str)
            for action in self.app.need_settings()["actions"]:
                for name in PINS:
                    if found.get(name) == action["pin"]:
                        text = "GPIO%d is switched by %s: take another pin for %s, or let the word switch another"
                        raise RequestError(text % (action["pin"], action["label"], name.upper()))
            self.app.ears.close()  # or its pins would be in use, by itself
            try:
                check(found)
            except Refusal:
                self.app.ears.open()
                raise
        self.app.change_settings(microphone=found)
        return {}

    def do_when(self, request):
        """A word switches a pin, in place of what it did to it before."""
        label, pin, act = field(request, "label", str), field(request, "pin", int), field(request, "act", str)
        if board.UNIX:
            raise RequestError("this board is a process and has no pins")
        labels = self.app.labels()
        if label not in labels:
            raise RequestError("%s is none of what may fire here: %s" % (label, ", ".join(labels) or "nothing"))
        for name in PINS:
            if (self.app.need_settings()["microphone"] or {}).get(name) == pin:
                raise RequestError("GPIO%d is the microphone's %s: take another pin" % (pin, name.upper()))
        board.check_pin(pin)
        action = {"label": label, "pin": pin, "act": act}
        if act == "for":
            action["seconds"] = request.get("seconds")
        elif act == "pulse":
            action["count"] = request.get("count")
        self.use(self.without(label, pin) + [action])
        return {}

    def do_never(self, request):
        pin = field(request, "pin", int) if "pin" in request else None
        left = self.without(field(request, "label", str), pin)
        gone = len(self.app.need_settings()["actions"]) - len(left)
        if gone:
            self.use(left)
        return {"gone": gone}

    def without(self, label, pin):
        return [a for a in self.app.need_settings()["actions"] if a["label"] != label or (pin is not None and a["pin"] != pin)]

    def use(self, actions):
        self.app.change_settings(actions=actions)
        if self.app.pins is not None:
            self.app.pins.use(actions)

    def do_name(self, request):
        self.app.change_settings(name=request.get("name"))
        return {}
