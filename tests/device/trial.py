"""The clean run of a program that goes on and on: each piece of it is short, so that no watchdog bites."""

from watchword import board, changes, trial


class Slow:
    """An app, its store and its runtime: a run that never ends."""

    def __init__(self):
        self.store = self.runtime = self.link = self
        self.state = {"sound": ["slow.ww", None]}
        self.failed = self.unfed = None
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


def clean_run(app):
    """It does not come back, since each of these fails and restarts the board."""
    real, board.restart = board.restart, restart
    changing, changes.Changes = changes.Changes, lambda store: store
    try:
        trial.clean_run(app, "sound", lambda app, file: app)
        raise AssertionError("came back")
    except Restart:
        pass
    finally:
        board.restart = real
        changes.Changes = changing


def test_a_run_that_goes_on_and_on_has_failed():
    app = Slow()
    limit, trial.LONGEST = trial.LONGEST, 50
    try:
        clean_run(app)
    finally:
        trial.LONGEST = limit
    assert app.unloaded
    assert "slow.ww failed its clean run" in app.failed, app.failed
    assert "takes more than" in app.failed, app.failed


def test_a_program_that_nothing_feeds_has_failed_before_it_runs():
    app = Slow()
    app.unfed = "cannot listen: it takes mfcc features"
    clean_run(app)
    assert app.unloaded
    assert app.failed == "slow.ww failed its clean run: it cannot listen: it takes mfcc features", app.failed
