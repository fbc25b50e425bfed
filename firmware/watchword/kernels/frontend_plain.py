"""The stages of the sound front end in plain Python: for chips without the native emitter, and as a second opinion on viper.

The same functions as in frontend_viper, written from the definition; slow, and they allocate. Also runs on CPython.
"""

from array import array


def _int16(v):
    """The low 16 bits, signed: how C stores a sum."""
    return ((v + 32768) & 65535) - 32768


def _q15(v):
    """A product of two Q15 numbers back to Q15, rounded half up."""
    return _int16((v + 16384) >> 15)


def _bits(v):
    """Position of the highest set bit, counted from 1; 0 for 0."""
    n = 0
    while v:
        v >>= 1
        n += 1
    return n


def table(blob, start, end, typecode):
    return array(typecode, bytes(memoryview(blob)[start:end]))


def window(samples, at, taps, z):
    peak = 0
    for i in range(480):
        v = samples[at + i] * taps[i] >> 12
        z[i] = v
        if v != -32768:
            peak = max(peak, abs(v))
    shift = 15 - _bits(peak)
    if shift:
        for i in range(480):
            if z[i] == -32768:
                z[i] = 0
    return shift


def fft(z, f, twiddles, shift):
    for i in range(256):
        j = (i & 3) << 6 | (i & 12) << 2 | (i & 48) >> 2 | i >> 6
        f[2 * i] = z[2 * j] << shift
        f[2 * i + 1] = z[2 * j + 1] << shift
    for m in (1, 4, 16, 64):
        for first in range(0, 256, 4 * m):
            for k in range(m):
                at = [2 * (first + k + j * m) for j in range(4)]
                re = [0] * 4
                im = [0] * 4
                for j in range(4):
                    x = _q15(f[at[j]] * 8191)
                    y = _q15(f[at[j] + 1] * 8191)
                    w = 2 * j * k * (64 // m)
                    re[j] = _q15(x * twiddles[w] - y * twiddles[w + 1])
                    im[j] = _q15(x * twiddles[w + 1] + y * twiddles[w])
                for j in range(4):
                    # Times (-j)^(j * 1), (-j)^(j * 2) and (-j)^(j * 3).
                    x = re[0]
                    y = im[0]
                    for i in range(1, 4):
                        turns = i * j & 3
                        x += (re[i], im[i], -re[i], -im[i])[turns]
                        y += (im[i], -re[i], -im[i], re[i])[turns]
                    f[at[j]] = _int16(x)
                    f[at[j] + 1] = _int16(y)


def energies(f, split, e):
    for k in range(5, 129):
        ar = _q15(f[2 * k] * 16383)
        ai = _q15(f[2 * k + 1] * 16383)
        br = _q15(f[512 - 2 * k] * 16383)
        bi = _q15(_int16(-f[513 - 2 * k]) * 16383)
        wr = split[2 * k - 10]
        wi = split[2 * k - 9]
        tr = _q15((ar - br) * wr - (ai - bi) * wi)
        ti = _q15((ar - br) * wi + (ai - bi) * wr)
        e[k] = (ar + br + tr >> 1) ** 2 + (ai + bi + ti >> 1) ** 2
        e[256 - k] = (ar + br - tr >> 1) ** 2 + (ti - ai - bi >> 1) ** 2


def filters(e, weights, sums):
    at = 0
    i = 5
    rest = 0
    for c in range(41):
        total = rest
        rest = 0
        for weight in weights[at + 1 : at + 1 + weights[at]]:
            total += e[i] * weight
            rest += e[i] * (4096 - weight)
            i += 1
        at += 1 + weights[at]
        if c:
            sums[2 * c - 2] = total & 0xFFFFFF
            sums[2 * c - 1] = total >> 24


def roots(sums, signal, shift):
    for c in range(40):
        x = sums[2 * c] | sums[2 * c + 1] << 24
        root = 0
        for i in range(23, -1, -1):
            if (root | 1 << i) ** 2 <= x:
                root |= 1 << i
        if x - root * root > root and not (root == 65535 and x < 1 << 32):
            root += 1
        signal[c] = root >> shift


def noise(signal, estimate, remaining):
    for c in range(40):
        smoothing = 983 if c & 1 else 409
        x = signal[c] << 10
        estimate[c] = (x * smoothing + estimate[c] * (16384 - smoothing)) >> 14
        signal[c] = max(x - estimate[c] >> 10, signal[c] * remaining >> 14)


def gain(signal, estimate, table):
    for c in range(40):
        x = estimate[c]
        if x <= 2:
            g = table[x]
        else:
            octave = _bits(x)
            t = (x << 11 >> octave) & 1023
            y, slope, curvature = table[4 * octave - 6 : 4 * octave - 3]
            g = y + ((((curvature * t >> 5) + (slope << 5)) * t + 16384) >> 15)
        x = signal[c] * g >> 6
        signal[c] = x * x >> 20 if x < 8192 else (x >> 6) - 64


def logarithm(signal, table):
    for c in range(40):
        x = signal[c] << 3
        if x:
            whole = _bits(x) - 1
            fraction = (x << 16 >> whole) & 65535
            i = fraction >> 9
            log2 = (whole << 16) + fraction + table[i] + ((table[i + 1] - table[i]) * (fraction & 511) >> 16)
            signal[c] = ((log2 * 45426 + 32768 >> 16 << 6) + 32768) >> 16


def output(signal, features, quantized, numbers):
    multiplier, at = numbers & 65535, numbers >> 16
    for c in range(40):
        x = min(signal[c], 65535)
        features[c] = x
        quantized[at + c] = min((x * multiplier + 32768 >> 16) - 128, 127)
