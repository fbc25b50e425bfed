"""When a word counts as heard: a sliding mean of the scores, a cutoff and a refractory time. Also runs on CPython."""

from array import array


class Decision:
    """labels: names of the outputs; background: those that never fire; cutoff: mean score 0..1 from which a word fires;
    window: runs of the model in the mean; refractory: seconds after a detection in which nothing fires."""

    def __init__(self, labels, background=(), cutoff=0.8, window=3, refractory=1.0):
        self.n = len(labels)
        self.window = window
        self.least = max(1, int(cutoff * 256 * window + 0.999))  # of the sum over the window, a score being 0..255 / 256
        self.refractory = int(refractory * 1000)
        self.fires = bytes(0 if label in background else 1 for label in labels)
        self.history = bytearray(window * self.n)
        self.sums = array("i", bytes(4 * self.n))
        self.reset()

    def reset(self):
        """Forget everything: a new stream begins."""
        for i in range(len(self.history)):
            self.history[i] = 0
        for i in range(self.n):
            self.sums[i] = 0
        self.at = 0
        self.quiet_until = 0

    def update(self, outputs, ms):
        """Take one run's int8 outputs (softmax: score = (q + 128) / 256) at `ms` of the stream.

        Returns the index of the label that fires, or -1. Scores before the first run count as 0, so that one loud run
        alone cannot fire. Allocates nothing.
        """
        history = self.history
        base = self.at * self.n
        self.at = (self.at + 1) % self.window
        best = -1
        for i in range(self.n):
            score = (outputs[i] ^ 128) & 255  # int8 or its byte
            self.sums[i] += score - history[base + i]
            history[base + i] = score
            if self.fires[i] and (best < 0 or self.sums[i] > self.sums[best]):
                best = i
        if best < 0 or self.sums[best] < self.least or ms < self.quiet_until:
            return -1
        self.quiet_until = ms + self.refractory
        return best

    def score(self, index):
        """The mean score of a label now, 0..1."""
        return self.sums[index] / (256 * self.window)
