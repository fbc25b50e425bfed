"""The app goes on, and tells the host, whatever a request comes to."""

import os

from watchword.app import App

ROOT = "app-test"


class Narrow:
    """A link that has no room for some replies."""

    def __init__(self, *requests):
        self.requests = list(requests)
        self.replies = []
        self.errors = []

    def work(self):
        return True

    def send(self, message):
        pass

    def receive(self):
        return self.requests.pop(0) if self.requests else None

    def reply(self, request, **fields):
        if "programs" in fields:
            raise MemoryError("memory allocation failed, allocating 2072 bytes")
        self.replies.append((request["id"], fields))

    def error(self, request, text):
        self.errors.append((request["id"], text))


def test_a_reply_for_which_there_is_no_room_is_an_error_and_the_app_goes_on():
    link = Narrow({"id": 1, "do": "models"}, {"id": 2, "do": "remove", "name": "none"}, {"id": 3, "do": "nonsense"})
    app = App(link=link, root=ROOT)
    try:
        while app.serve():
            pass
    finally:
        for name in os.listdir(ROOT):
            os.remove(ROOT + "/" + name)
        os.rmdir(ROOT)
    assert link.errors[0] == (1, "MemoryError: memory allocation failed, allocating 2072 bytes"), link.errors
    assert [number for number, _ in link.errors + link.replies] == [1, 2, 3], (link.errors, link.replies)
