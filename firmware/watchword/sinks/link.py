"""Events to the host, when the line is free."""


class LinkSink:
    def __init__(self, link):
        self.link = link

    def take(self, event):
        if not self.link.work():
            return False  # nobody reads, or not yet
        self.link.send(event)
        return True
