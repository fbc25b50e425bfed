"""The clean run of a program that goes on and on: each piece of it is short, so that no watchdog bites."""

from watchword import board, changes, trial


class Slow:
    """An app, its store and its runtime: a run that never ends."""

    def __init__(self):
        self.store = self.runtime = self.link = self
        self.state = {"sound": ["slow.ww", None]}
        self.failed = None
        self.unloaded = False

    def trial(self, kind):
        return {"begun": 1, "file": "slow.ww"}

    def trial_begins(self, kind):
        pass

    def trial_failed(self, kind, note):
        self.failed = note

    def trial_passed(self, kind):
        raise AssertionError("passed")

    def report(self, event, **fields):
        pass

    def flush(self, ms):
        pass

    def unload(self):
        self.unloaded = True

    def start(self):
        pass

    def run(self, ms):
        return False


class Restart(Exception):
    """In place of the board's."""


def restart():
    raise Restart


def test_a_run_that_goes_on_and_on_has_failed():
    app = Slow()
    limit, trial.LONGEST = trial.LONGEST, 50
    real, board.restart = board.restart, restart
    changing, changes.Changes = changes.Changes, lambda store: store
    try:
        trial.clean_run(app, "sound", lambda app, file: app)
        raise AssertionError("came back")
    except Restart:
        pass
    finally:
        trial.LONGEST, board.restart, changes.Changes = limit, real, changing
    assert app.unloaded
    assert "slow.ww failed its clean run" in app.failed, app.failed
    assert "takes more than" in app.failed, app.failed
