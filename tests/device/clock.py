"""A stand-in for the module `time`, which stands still until a test moves it on."""


class Clock:
    ms = 0

    def ticks_ms():
        return Clock.ms

    def ticks_add(a, b):
        return a + b

    def ticks_diff(a, b):
        return a - b
