"""The clean run: a program that is new on this board is loaded and run once on zeros before it counts.

Flash counts the runs that have begun. One that ends in an exception, leaves too little heap, or is that of a program which no
pipeline can feed, brings the program before back at once. One that does not end (it hangs, or power goes) is ended by the
watchdog, or by the host where the board is a process; after two of those the program before is back too. The numbers can be
read by CPython too.
"""

import time

ATTEMPTS = 2
TIMEOUT = 4000  # ms without a sign of life; on the unix port, for the whole run
SLOW = 120000  # the same there, where the kernels are plain Python
LONGEST = 120000  # ms of a whole run: no model that anybody listens with takes so long, and one made to do harm might take days
LEAST_HEAP = 8192  # bytes that a program must leave to the app
_PIECE = 256  # bytes
_SLICE = 100  # ms of work between two signs of life


def clean_run(app, kind, load):
    """Load the program on trial, alone, and run it.

    Loads nothing where it has had its attempts: then the one before is active again. Restarts the board when the program fails,
    and where it is to hear beside others: that begins on a heap which no trial has broken up. load: that of start.py.
    """
    from watchword import Refusal, board, error_text
    from watchword.changes import Changes
    from watchword.kernels.bodies import NATIVE
    from watchword.link import FLUSH

    store = app.store
    changes = Changes(store)
    file = store.trial(kind)["file"]
    if store.trial(kind)["begun"] >= ATTEMPTS:
        changes.trial_failed(kind, "%s did not end its clean run, %d times" % (file, ATTEMPTS))
        return
    changes.trial_begins(kind)
    timeout = TIMEOUT if NATIVE else SLOW
    app.report("trial", file=file, attempt=store.trial(kind)["begun"], timeout_ms=timeout if board.UNIX else None)
    app.link.flush(FLUSH)
    # What has to be left, in small pieces, which large ones need not; also, what is needed to write a failure down.
    reserve = [bytearray(_PIECE) for _ in range(LEAST_HEAP // _PIECE)]
    watchdog = board.Watchdog(TIMEOUT)
    try:
        runtime = load(app, file)
        if app.unfed:
            raise Refusal("it " + app.unfed)
        runtime.start()
        t0 = time.ticks_ms()
        while not runtime.run(_SLICE):
            watchdog.feed()
            if time.ticks_diff(time.ticks_ms(), t0) > LONGEST:
                raise ValueError("it takes more than %d s" % (LONGEST // 1000))
        runtime.reset()
    except KeyboardInterrupt:
        changes.trial_interrupted(kind)  # somebody came in by Ctrl-C: not the program's fault
        raise
    except Exception as error:
        app.unload()
        del reserve
        changes.trial_failed(kind, "%s failed its clean run: %s" % (file, error_text(error)))
        board.restart()
    finally:
        watchdog.stop()
    changes.trial_passed(kind)
    if len(store.active(kind)) > 1:
        app.unload()
        board.restart()
