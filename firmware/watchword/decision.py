"""Decides when a label counts as heard or seen: by a moving average of its scores and a cutoff. Also runs on CPython."""

from array import array

NO_END = -1  # of a stream, for ms at which it ends


class Means:
    """The moving average of each label's score over the last `window` runs. background: labels that never fire.

    highest, highest_at: of each label that may fire, the greatest sum since `forget_highest`, and the ms at which it was.
    """

    def __init__(self, labels, background, window):
        self.n = len(labels)
        self.window = window
        self.may_fire = bytes(0 if label in background else 1 for label in labels)
        self.fires = bytearray(self.may_fire)  # of these, all until `close`
        self.history = bytearray(window * self.n)
        self.sums = array("i", bytes(4 * self.n))
        self.highest = array("i", bytes(4 * self.n))
        self.highest_at = [0] * self.n  # of a stream that goes on for weeks, more than an array holds
        self.reset()

    def reset(self):
        """Forget everything: a new stream begins."""
        for i in range(len(self.history)):
            self.history[i] = 0
        for i in range(self.n):
            self.sums[i] = 0
            self.fires[i] = self.may_fire[i]
        self.at = 0
        self.forget_highest()

    def forget_highest(self):
        for i in range(self.n):
            self.highest[i] = self.highest_at[i] = 0

    def take(self, outputs, least, ms=0):
        """Take one run's int8 outputs (softmax: score = (q + 128) / 256). least: of each label the sum that it has to reach.

        Returns the index of the greatest mean among those that do, or -1. Scores before the first run count as 0, so that one
        loud run alone cannot fire. Allocates nothing.
        """
        history = self.history
        sums = self.sums
        highest = self.highest
        base = self.at * self.n
        self.at = (self.at + 1) % self.window
        best = most = -1
        for i in range(self.n):
            score = (outputs[i] ^ 128) & 255  # int8 or its byte
            total = sums[i] + score - history[base]
            sums[i] = total
            history[base] = score
            base += 1
            if self.fires[i]:
                if total > most and total >= least[i]:
                    best = i
                    most = total
                if total > highest[i]:
                    highest[i] = total
                    self.highest_at[i] = ms
        return best

    def close(self, least):
        """Let only those labels fire from now on whose sum has reached half of `least`, which has one for each."""
        for i in range(self.n):
            if 2 * self.sums[i] < least[i]:
                self.fires[i] = 0

    def least(self, cutoff):
        """Return the sum over the window that corresponds to a mean of `cutoff`."""
        return max(1, int(cutoff * 256 * self.window + 0.999))  # a score being 0..255 / 256

    def score(self, total):
        """Return a sum as the mean score, 0..1, in whole thousandths, the same whatever floats there are."""
        return (1000 * total + 128 * self.window) // (256 * self.window) / 1000


class Decider:
    """What the two below have in common.

    labels: names of the outputs; background: those that never fire; cutoff: mean score 0..1 from which one fires, where it has
    none of its own; window: runs of the model in the mean.
    """

    def __init__(self, labels, background, cutoff, window):
        self.labels = labels
        self.means = Means(labels, background, window)
        self.own = cutoff
        self.cutoffs = {label: cutoff for i, label in enumerate(labels) if self.means.may_fire[i]}
        self.least = [self.means.least(cutoff)] * len(labels)

    def set_cutoffs(self, cutoffs):
        """Give labels cutoffs of their own, {label: cutoff}; those that are no labels of these are passed by."""
        for i, label in enumerate(self.labels):
            if label in cutoffs and label in self.cutoffs:
                self.cutoffs[label] = cutoffs[label]
                self.least[i] = self.means.least(cutoffs[label])

    def score(self, index):
        """Return the mean score of a label now, 0..1, in whole thousandths."""
        return self.means.score(self.means.sums[index])

    def scores(self):
        """Return the mean scores of all labels now, of 256."""
        return [total // self.means.window for total in self.means.sums]

    def highest(self):
        """Return {label: [its highest mean score so far, the second of the stream, its cutoff]} of those that may fire."""
        means = self.means
        return {
            label: [means.score(means.highest[i]), means.highest_at[i] / 1000, self.cutoffs[label]]
            for i, label in enumerate(self.labels)
            if means.may_fire[i]
        }


class Decision(Decider):
    """Decides when a word counts as heard: once, however long its mean score stays at its cutoff or above.

    refractory: seconds after a detection in which nothing fires. They are counted from where the mean of the label that fired
    falls below its cutoff, and do not go on while it is there again, so that a score that dips is one word too. ESPHome counts
    likewise (components/micro_wake_word/streaming_model.cpp): of the 100 frames after a detection only those at which the
    newest output lies below the cutoff. A label that has become the greatest in its place ends that: a cutoff set so low that
    one label is always above must not silence all others. The rest as above.

    time: ms of the stream that the last run tells of.
    """

    def __init__(self, labels, background, cutoff, window, refractory):
        super().__init__(labels, background, cutoff, window)
        self.refractory = int(refractory * 1000)
        self.reset()

    def reset(self, ends=NO_END):
        """Forget everything: a new stream begins.

        ends: ms at which its recording ends. What follows is a host's silence, by which alone nothing is heard: a label fires
        in it only if its mean had reached half of its cutoff in the last run before it, and `time` is then where it ended.
        """
        self.means.reset()
        self.ends = ends
        self.ended = self.held = False
        self.fired = -1
        self.quiet_until = self.at = self.time = 0

    def update(self, outputs, ms):
        """Take one run's int8 outputs at `ms` of the stream. Returns the index of the label that fires, or -1."""
        means = self.means
        self.time = ms
        if ms > self.ends >= 0:
            self.time = self.ends
            if not self.ended:
                self.ended = True
                means.close(self.least)
        best = means.take(outputs, self.least, self.time)
        if self.held:
            self.quiet_until += ms - self.at
        self.at = ms
        if self.held or ms < self.quiet_until:
            self.held = best == self.fired
            if self.held or ms < self.quiet_until:
                return -1
        if best < 0:
            return -1
        self.fired = best
        self.held = True
        self.quiet_until = ms + self.refractory
        return best
