"""Frames sent by the host over the link: each band of rows is used where it was received."""


class FrameSource:
    """width, height, colours: of all frames. buffer: where bands are received."""

    def __init__(self, buffer, width, height, colours):
        self.buffer = buffer
        self.width = width
        self.height = height
        self.colours = colours
        self.waiting = 0

    def give(self, rows):
        """So many rows lie in the buffer."""
        self.waiting = rows

    def rows(self):
        rows, self.waiting = self.waiting, 0
        return rows
