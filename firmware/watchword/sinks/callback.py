"""Events to the user's own code: a function, plain or async."""

import asyncio


class CallbackSink:
    """function: called with each event, a dict. What an async one does must end before it is called with the next event.

    log(text): is told of an exception.
    """

    def __init__(self, function, log):
        self.function = function
        self.log = log
        self.busy = False

    def take(self, event):
        if self.busy:
            return False
        try:
            made = self.function(event)
            if hasattr(made, "send"):  # of an async function: it has not begun yet
                self.busy = True
                self.task = asyncio.create_task(self.finish(made))
        except Exception as error:
            self.failed(error)
        return True

    async def finish(self, made):
        try:
            await made
        except Exception as error:
            self.failed(error)
        finally:
            self.busy = False

    def failed(self, error):
        self.log("on_event failed: %s: %s" % (type(error).__name__, error))
