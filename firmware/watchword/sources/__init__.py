"""Where sound and pictures come from.

A source of sound has its `kind`, `available()`, the number of samples that wait, `read(buffer, at, n)`, which is called right
after it and puts the n oldest (int16, 16 kHz) into a buffer from byte `at`, `reset()`, with which a stream begins, and since
then `lost`, how many samples there was no room for, and `skipped`, how many it has passed over itself.

One that hears by itself also has `check()`, which raises Refusal where it cannot be now, `prepare()`, which takes the heap that
it needs, `start()` and `stop()`, `fault()`, what is wrong with what came since it was last asked, and `turn()`, which makes it
listen elsewhere when nothing comes. After `reset()` and `start()` the first sample that comes is the stream's first.
`pressing`: where so many samples wait, all else had better wait for the ears; one that waits itself has none.

A source of pictures has `width`, `height` and `colours` (GREY: a byte a pixel, or RGB565: two, the upper one first), and
`rows()`, the number of rows of the frame that wait from the first byte of its `buffer` on: a frame comes in bands, one after
another, so that no more of it than a band need be in RAM. Also runs on CPython.
"""

RATE = 16000  # samples in a second
GREY = 1  # bytes in a pixel,
RGB565 = 2  # and so in both
LONGEST = 640  # pixels of a side of a frame
