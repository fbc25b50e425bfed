"""Rows of a camera's frame to a model's input, in plain Python. watchword/viewer.py has the order of calls.

table, array 'H': a number of stretches, then each as weight << 2 | ends: 1 where its pixel ends with it, 2 where its output
does.
"""


def line_grey(pixels, at, table, line):
    """Grey pixels from byte `at` on -> line, array 'H': 256 times the mean of what each output covers."""
    to = 0
    total = 0
    for i in range(1, table[0] + 1):
        total += (table[i] >> 2) * pixels[at]
        at += table[i] & 1
        if table[i] & 2:
            line[to] = total
            to += 1
            total = 0


def line_rgb565(pixels, at, table, line):
    """RGB565 pixels, the upper byte first, to red, green and blue of each output."""
    to = 0
    red = green = blue = 0
    for i in range(1, table[0] + 1):
        weight = table[i] >> 2
        pixel = pixels[at] << 8 | pixels[at + 1]
        r, g, b = pixel >> 11, pixel >> 5 & 63, pixel & 31
        red += weight * (r << 3 | r >> 2)
        green += weight * (g << 2 | g >> 4)
        blue += weight * (b << 3 | b >> 2)
        at += (table[i] & 1) << 1
        if table[i] & 2:
            line[to], line[to + 1], line[to + 2] = red, green, blue
            to += 3
            red = green = blue = 0


def spread(line, sums, weight, n):
    """sums, array 'i', += weight * line, of n values."""
    for i in range(n):
        sums[i] += weight * line[i]


def store(sums, values, to, n):
    """n sums / 2^16, rounded, by way of values (256 bytes) to bytes; the sums become 0."""
    for i in range(n):
        to[i] = values[sums[i] + 32768 >> 16]
        sums[i] = 0
