"""What is likely the cause of a microphone's fault: for people."""

CAUSES = {
    "stopped": "no sound comes: something else has stopped its state machine or its DMA; listening begins again",
    "zeros": "all samples are zero: it is not plugged in, or SD, SCK or WS are not connected",
    "channel": "it answers in the other channel: its L/R pin is not where the settings say; it is heard there",
    "stuck": "all samples are the same: SD is tied to a level, or the microphone is broken",
    "floating": "the samples are noise that no microphone sends: SD or GND is loose",
    "clipped": "it is too loud for its gain: set a lower one, or speak from further away",
}
