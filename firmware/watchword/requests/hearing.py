"""Requests about what a board hears by itself: how loud, with which scores and cutoffs, and whether at all."""

import time

from watchword.requests import RequestError, Requests, field


class Subject(Requests):
    """For as long as a host asks, it is watched how loud it is, and the scores of each run are sent, where the line is free."""

    def __init__(self, app):
        super().__init__(app)
        self.until = 0  # ms, when the host has gone
        self.scores = False  # whether they are sent

    def do_hear(self, request):
        app = self.app
        pipeline = app.pipeline
        scores = field(request, "scores", bool, False)
        highest = field(request, "highest", bool, False)
        seconds = field(request, "seconds", int, 10)
        if not 1 <= seconds <= 60:
            raise RequestError("seconds: 1 to 60 are expected")
        listening = pipeline is not None and pipeline.subject == "sound"
        fields = {}
        if listening:
            self.until = time.ticks_add(time.ticks_ms(), 1000 * seconds)
            self.scores = scores
            fields["peak"] = pipeline.peak
            pipeline.peak = 0
            pipeline.observer = self.tell
            if highest:
                fields["highest"] = app.highest()
                for decision in app.decisions():
                    decision.means.forget_highest()
        fields.update(self.state(listening))
        return fields

    def state(self, listening):
        app = self.app
        pipeline, ears = app.pipeline, app.ears
        return {
            "source": ears.source.kind if ears.hearing else None,
            "labels": [label for model in pipeline.models for label in model.labels] if listening else [],
            "taught": app.teacher.taught.words if listening and app.teacher else [],
            "cutoffs": self.cutoffs(),
            "time": pipeline.ms() / 1000 if ears.hearing else 0,
            "lost": ears.source.lost if ears.hearing else 0,
            "mute": app.settings.get("mute", False),
            "fault": ears.text,
        }

    def tell(self):
        """A run has ended. No event of those that wait for a host: one that is late is of no use."""
        pipeline, app = self.app.pipeline, self.app
        if time.ticks_diff(self.until, time.ticks_ms()) < 0:
            pipeline.observer = None
        elif self.scores and self.link.work():
            scores = []
            for decision in pipeline.decisions():
                scores += decision.scores()
            taught = app.teacher.decision.scores() if app.teacher else []
            score = {"event": "score", "time": pipeline.ms() / 1000, "peak": pipeline.peak, "scores": scores, "taught": taught}
            self.link.send(score)
            pipeline.peak = 0

    def cutoffs(self):
        return {label: cutoff for decision in self.app.decisions() for label, cutoff in decision.cutoffs.items()}

    def do_cutoff(self, request):
        """Of a label, or of all. Null: back to the program's own."""
        app = self.app
        app.need_program()
        labels = app.labels()
        label = field(request, "label", str, "")
        if label and label not in labels:
            raise RequestError("%s is none of what may fire here: %s" % (label, ", ".join(labels) or "nothing"))
        if "cutoff" in request:
            cutoff = request["cutoff"]
            cutoffs = dict(app.cutoffs())
            for name in [label] if label else labels:
                cutoffs.pop(name, None)
                if cutoff is not None:
                    cutoffs[name] = cutoff
            app.change_settings(tuned=app.tuned if cutoffs else None, cutoffs=cutoffs)
            for decision in app.decisions():
                decision.set_cutoffs(dict.fromkeys(labels, decision.own))
            app.apply_cutoffs()
        return {"cutoffs": self.cutoffs()}

    def do_mute(self, request):
        mute = field(request, "mute", bool)
        self.app.change_settings(mute=mute)
        if mute:
            self.app.ears.close()
        else:
            self.app.ears.open()
        return {}
