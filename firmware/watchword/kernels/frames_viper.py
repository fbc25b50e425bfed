"""Rows of a camera's frame to a model's input, in viper. What each does: frames_plain.py."""

import micropython


@micropython.viper
def line_grey(pixels: ptr8, at: int, table: ptr16, line: ptr16):
    pixels = ptr8(uint(pixels) + at)
    end = int(table) + 2 + (table[0] << 1)
    table = ptr16(uint(table) + 2)
    total = 0
    while int(table) < end:
        segment = table[0]
        table = ptr16(uint(table) + 2)
        total += (segment >> 2) * pixels[0]
        pixels = ptr8(uint(pixels) + (segment & 1))
        if segment & 2:
            line[0] = total
            line = ptr16(uint(line) + 2)
            total = 0


@micropython.viper
def line_rgb565(pixels: ptr8, at: int, table: ptr16, line: ptr16):
    pixels = ptr8(uint(pixels) + at)
    end = int(table) + 2 + (table[0] << 1)
    table = ptr16(uint(table) + 2)
    red = 0
    green = 0
    blue = 0
    while int(table) < end:
        segment = table[0]
        table = ptr16(uint(table) + 2)
        weight = segment >> 2
        pixel = pixels[0] << 8 | pixels[1]
        part = pixel >> 11
        red += weight * (part << 3 | part >> 2)
        part = pixel >> 5 & 63
        green += weight * (part << 2 | part >> 4)
        part = pixel & 31
        blue += weight * (part << 3 | part >> 2)
        pixels = ptr8(uint(pixels) + ((segment & 1) << 1))
        if segment & 2:
            line[0] = red
            line[1] = green
            line[2] = blue
            line = ptr16(uint(line) + 6)
            red = 0
            green = 0
            blue = 0


@micropython.viper
def spread(line: ptr16, sums: ptr32, weight: int, n: int):
    end = int(line) + (n << 1)
    while int(line) < end:
        sums[0] += weight * line[0]
        line = ptr16(uint(line) + 2)
        sums = ptr32(uint(sums) + 4)


@micropython.viper
def store(sums: ptr32, values: ptr8, to: ptr8, n: int):
    end = int(to) + n
    while int(to) < end:
        to[0] = values[(sums[0] + 32768) >> 16]
        sums[0] = 0
        to = ptr8(uint(to) + 1)
        sums = ptr32(uint(sums) + 4)
