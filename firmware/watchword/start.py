"""What happens once, at the start of the app: a program is tried, or loaded, and gets its pipeline and taught words."""

import gc
import time

from micropython import const

from watchword import Refusal, error_text

_LEFT = const(16384)  # bytes of heap that programs beside one another leave, in pieces as they are


def start(app, kind):
    """Load what is to run: the scratch program, a program on trial, the active one, or at the last the previous one."""
    scratch, microphone = app.store.take_scratch()
    if microphone:  # which is for this run alone
        app.settings = dict(app.settings, microphone=microphone, mute=False)
    if kind == "sound":
        try:
            app.ears.prepare()  # first of all: a ring needs a piece of the heap that lies where it has to
        except Exception:
            pass  # it is told when the ears are to open
    if scratch is None and app.store.trial(kind) is not None:
        from watchword.trial import clean_run  # seldom needed

        clean_run(app, kind, load)
        kind = app.store.state["runs"]  # another one, where nothing is left of that
    app.note = app.store.state["note"]
    if app.program is None:
        load_first(app, scratch, kind)


def load_first(app, scratch, kind):
    """Load the scratch program, or the active ones; at the last the previous one, if that can be loaded."""
    active, previous = app.store.active(kind), app.store.state[kind][0][1]
    for files in [[scratch], active, [previous]]:
        try:
            made = buffers(app, files)
            for file in files:
                if file is not None:
                    load(app, file, file != scratch, made.get(file))
            if app.program is not None:
                return
        except Exception as error:
            if app.program is not None:
                app.blamed = file  # it cannot hear beside those before it
                raise
            app.unload()
            app.note = "%s could not be loaded: %s" % (file, error_text(error))


def buffers(app, files):
    """What several programs need most room for, made while the heap is in one piece: {file: (arena, constants)}."""
    if len(files) < 2:
        return {}
    from watchword.program import ProgramError, buffers

    try:
        return {file: buffers(app.store.path(file)) for file in files}
    except ProgramError:  # which of them it is, loading them one by one tells
        return {}


def load(app, file, proved=False, made=None):
    """Load a program, and what is needed to listen or see with it; or beside one that listens. Returns its runtime.

    proved: it was before, in its trial. made: its buffers, where they are there already.
    """
    t0 = time.ticks_ms()
    from watchword import program  # a board without one needs none of these
    from watchword.runtime import Runtime

    try:
        tables = app.program.tables if app.program is not None else None
        loaded = program.load(app.store.path(file), proved, made, tables)
    except program.ProgramError:
        if app.ears.source is None or app.program is not None:
            raise
        app.ears.source = None  # perhaps it fits beside a smaller ring
        loaded = program.load(app.store.path(file), proved)
    if app.program is not None:
        runtime = beside(app, loaded, file)
        app.load_ms += time.ticks_diff(time.ticks_ms(), t0)
        return runtime
    picture = loaded.description["kind"] == "picture"
    app.missing = {
        "sound": "%s is for pictures, it cannot listen" % file,
        "pictures": "%s is for sound, it cannot see" % file,
    }
    try:
        if picture:
            from watchword.pipelines.pictures import Viewer as Pipeline
        else:
            from watchword.pipelines.sound import Listener as Pipeline
        app.pipeline = Pipeline(loaded, app.report)
        app.runtime = app.pipeline.runtime
    except (KeyError, ValueError, TypeError) as error:
        # A program that nothing feeds can be run all the same.
        text = str(error) if isinstance(error, ValueError) else error_text(error)
        app.unfed = "cannot %s: %s" % ("see" if picture else "listen", text)
        app.missing["pictures" if picture else "sound"] = "%s %s" % (file, app.unfed)
        app.runtime = Runtime(loaded)
    loaded.reset = loaded.steps = ()  # for the heap's sake
    app.program = loaded
    app.file = file
    remember(app)
    app.apply_cutoffs()
    app.load_ms = time.ticks_diff(time.ticks_ms(), t0)
    return app.runtime


def beside(app, loaded, file):
    """A program hears beside the one that listens. Raises what hinders that."""
    if app.pipeline is None or app.pipeline.subject != "sound":
        loaded.close()
        raise Refusal("%s does not listen, so that nothing can hear beside it" % app.file)
    try:
        model = app.pipeline.add(loaded)
    except (KeyError, ValueError, TypeError) as error:
        loaded.close()
        raise Refusal("it cannot hear beside %s: %s" % (app.file, error))
    loaded.reset = loaded.steps = ()
    gc.collect()
    left = gc.mem_free()
    if left < _LEFT:
        app.pipeline.models.remove(model)
        loaded.close()
        raise Refusal("%d bytes of heap would be left, %d are needed" % (left, _LEFT))
    app.beside.append(file)
    app.apply_cutoffs()
    return model.runtime


def remember(app):
    """Where flash holds words that were taught to this model, they count."""
    layer = app.program.description.get("taught")
    if isinstance(layer, dict) and str(layer.get("key"))[:16] + ".knn" in app.store.files():
        gc.collect()  # what now comes to stay would lie between garbage, and leave no piece whole
        try:
            from watchword.teacher import teach

            teach(app)
        except (ValueError, KeyError, TypeError, MemoryError) as error:
            app.note = "taught words are left out: %s" % error
