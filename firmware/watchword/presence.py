"""Decides when something counts as seen, and when as gone. Also runs on CPython."""

from watchword.decision import Decider


class Presence(Decider):
    """Decides when something counts as seen, and when as gone: a label stays until its mean score falls below three quarters of
    its cutoff.

    `seen` and `gone` are the labels of which the last update has said so, by index, else -1.
    """

    def __init__(self, labels, background, cutoff, window):
        super().__init__(labels, background, cutoff, window)
        self.reset()

    def reset(self):
        """Forget everything: another stream of frames begins."""
        self.means.reset()
        self.present = self.seen = self.gone = -1

    def update(self, outputs):
        """Take the int8 outputs of one frame."""
        best = self.means.take(outputs, self.least)
        self.seen = self.gone = -1
        if self.present >= 0 and 4 * self.means.sums[self.present] < 3 * self.least[self.present]:
            self.gone = self.present
            self.present = -1
        sums = self.means.sums
        if best >= 0 and best != self.present and (self.present < 0 or sums[best] > sums[self.present]):
            self.gone = self.present if self.present >= 0 else self.gone
            self.present = self.seen = best
