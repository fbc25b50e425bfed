"""The stages of the sound front end in viper. The order is in watchword.frontend, the numbers in the host's features.

Machine words have 64 bits on a PC and 32 on a board, so nothing relies on wrap-around. ptr16 loads are zero-extended:
(v ^ 32768) - 32768 gives the sign back. Stores to ptr16 keep the low 16 bits, which is how the FFT's sums wrap in C.
"""

import micropython


def table(blob, start, end, typecode):
    """Part of the tables, in place: viper reads 16-bit values from any buffer at an even address."""
    return memoryview(blob)[start:end]


@micropython.viper
def window(samples: ptr16, at: int, taps: ptr16, z: ptr16) -> int:
    """480 samples, from number `at` on, times the window to z; the left shift, 0 to 15, that fills 15 bits with the largest."""
    seen = 0
    for i in range(480):
        v = (((samples[at + i] ^ 32768) - 32768) * taps[i]) >> 12
        z[i] = v
        seen |= v if v >= 0 else 0 - v
    shift = 15
    peak = seen & 32767
    while peak:
        shift -= 1
        peak >>= 1
    # -32768 has no negative in 16 bits: as in C it does not count as the largest, and becomes 0 when it is shifted.
    if seen & 32768 and shift:
        for i in range(480):
            if z[i] == 32768:
                z[i] = 0
    return shift


@micropython.viper
def fft(z: ptr16, f: ptr16, twiddles: ptr16, shift: int):
    """256 complex values z << shift to their transform f, in four radix-4 stages; each scales by 8191 / 32768 first."""
    # Stage 1 has no twiddles; it takes its inputs in the order of reversed base-4 digits.
    scale = 8191 << shift
    for g in range(64):
        a = ((g & 3) << 5) + ((g & 12) << 1) + (g >> 4 << 1)
        o = g << 3
        for half in range(2):
            i = a + half
            p = (((z[i] ^ 32768) - 32768) * scale + 16384) >> 15
            q = (((z[i + 128] ^ 32768) - 32768) * scale + 16384) >> 15
            r = (((z[i + 256] ^ 32768) - 32768) * scale + 16384) >> 15
            s = (((z[i + 384] ^ 32768) - 32768) * scale + 16384) >> 15
            f[o + half] = p + r
            f[o + 2 + half] = p - r
            f[o + 4 + half] = q + s
            f[o + 6 + half] = q - s
        er = f[o]  # no sign needed for sums modulo 2^16
        ei = f[o + 1]
        fr = f[o + 2]
        fi = f[o + 3]
        sr = f[o + 4]
        si = f[o + 5]
        dr = f[o + 6]
        di = f[o + 7]
        f[o] = er + sr
        f[o + 1] = ei + si
        f[o + 2] = fr + di
        f[o + 3] = fi - dr
        f[o + 4] = er - sr
        f[o + 5] = ei - si
        f[o + 6] = fr - di
        f[o + 7] = fi + dr
    m = 4
    while m < 256:
        step = 64 // m
        base = 0
        while base < 256:
            for k in range(m):
                o0 = (base + k) << 1
                o1 = o0 + (m << 1)
                o2 = o1 + (m << 1)
                o3 = o2 + (m << 1)
                pr = (((f[o0] ^ 32768) - 32768) * 8191 + 16384) >> 15
                pi = (((f[o0 + 1] ^ 32768) - 32768) * 8191 + 16384) >> 15
                ar = (((f[o1] ^ 32768) - 32768) * 8191 + 16384) >> 15
                ai = (((f[o1 + 1] ^ 32768) - 32768) * 8191 + 16384) >> 15
                t = k * step << 1
                wr = (twiddles[t] ^ 32768) - 32768
                wi = (twiddles[t + 1] ^ 32768) - 32768
                qr = (ar * wr - ai * wi + 16384) >> 15
                qi = (ar * wi + ai * wr + 16384) >> 15
                ar = (((f[o2] ^ 32768) - 32768) * 8191 + 16384) >> 15
                ai = (((f[o2 + 1] ^ 32768) - 32768) * 8191 + 16384) >> 15
                wr = (twiddles[t + t] ^ 32768) - 32768
                wi = (twiddles[t + t + 1] ^ 32768) - 32768
                rr = (ar * wr - ai * wi + 16384) >> 15
                ri = (ar * wi + ai * wr + 16384) >> 15
                ar = (((f[o3] ^ 32768) - 32768) * 8191 + 16384) >> 15
                ai = (((f[o3 + 1] ^ 32768) - 32768) * 8191 + 16384) >> 15
                t = t * 3
                wr = (twiddles[t] ^ 32768) - 32768
                wi = (twiddles[t + 1] ^ 32768) - 32768
                sr = (ar * wr - ai * wi + 16384) >> 15
                si = (ar * wi + ai * wr + 16384) >> 15
                er = pr + rr
                ei = pi + ri
                pr -= rr
                pi -= ri
                ar = qr + sr
                ai = qi + si
                qr -= sr
                qi -= si
                f[o0] = er + ar
                f[o0 + 1] = ei + ai
                f[o1] = pr + qi
                f[o1 + 1] = pi - qr
                f[o2] = er - ar
                f[o2 + 1] = ei - ai
                f[o3] = pr - qi
                f[o3 + 1] = pi + qr
            base += m << 2
        m <<= 2


@micropython.viper
def energies(f: ptr16, split: ptr16, e: ptr32):
    """The transform of sample pairs to the energies of bins 5 to 251 of the real one; their sum is below 2^30 (Parseval)."""
    for k in range(5, 129):
        i = k << 1
        j = 512 - i
        ar = (((f[i] ^ 32768) - 32768) * 16383 + 16384) >> 15
        ai = (((f[i + 1] ^ 32768) - 32768) * 16383 + 16384) >> 15
        br = (((f[j] ^ 32768) - 32768) * 16383 + 16384) >> 15
        bi = (((((0 - f[j + 1]) & 65535) ^ 32768) - 32768) * 16383 + 16384) >> 15  # -(-32768) is -32768, as in C
        wr = (split[i - 10] ^ 32768) - 32768
        wi = (split[i - 9] ^ 32768) - 32768
        dr = ar - br
        di = ai - bi
        tr = (dr * wr - di * wi + 16384) >> 15
        ti = (dr * wi + di * wr + 16384) >> 15
        ar += br
        ai += bi
        br = (ar + tr) >> 1
        bi = (ai + ti) >> 1
        e[k] = br * br + bi * bi
        br = (ar - tr) >> 1
        bi = (ti - ai) >> 1
        e[256 - k] = br * br + bi * bi  # bin 128 is written twice: this form stays


@micropython.viper
def filters(e: ptr32, weights: ptr16, sums: ptr32):
    """Energies to 40 sums of up to 42 bits, each as two words: 24 low bits, the rest.

    `weights`: for 41 channels their number of bins, then a weight for each. A bin gives weight / 4096 of its energy to the
    channel before and the rest to its own, so that one multiplication does for both.
    """
    i = 5
    low = 0
    high = 0
    at = 0
    for c in range(41):
        last = at + weights[at]
        sl = 0
        sh = 0
        total = 0
        while at < last:
            at += 1
            v = e[i]
            i += 1
            total += v
            sl += (v & 32767) * weights[at]
            sh += (v >> 15) * weights[at]
        at += 1
        sh += sl >> 15  # the weighted sum is sh << 15 | sl & 32767
        sl = ((sh & 511) << 15) | (sl & 32767)
        sh >>= 9
        low += sl
        if c > 0:
            sums[(c << 1) - 2] = low & 0xFFFFFF
            sums[(c << 1) - 1] = high + sh + (low >> 24)
        low = ((total & 4095) << 12) - sl
        high = (total >> 12) - sh + (low >> 24)
        low &= 0xFFFFFF


@micropython.viper
def roots(sums: ptr32, signal: ptr32, shift: int):
    """signal = the nearest integer square root, shifted back. As in C, a root of 65535 is not rounded up below 2^32."""
    for c in range(40):
        low = sums[c << 1]
        high = sums[(c << 1) + 1]
        small = 1 if high < 256 else 0
        root = 0
        rest = 0
        left = 24
        if high == 0:
            high = low
            low = 0
            left = 12
        at = 22
        while at > 0 and (high >> at) == 0:
            at -= 2
            left -= 1
        while left > 0:
            rest = (rest << 2) | ((high >> at) & 3)
            at -= 2
            if at < 0:
                high = low
                at = 22
            root <<= 1
            if rest > root << 1:
                rest -= (root << 1) + 1
                root += 1
            left -= 1
        if rest > root and not (root == 65535 and small):
            root += 1
        signal[c] = root >> shift


@micropython.viper
def noise(signal: ptr32, estimate: ptr32, remaining: int):
    """Update the estimates (Q10) with the signal, then take them off it; at least remaining / 2^14 of it stays."""
    smoothing = 409
    for c in range(40):
        x = signal[c]
        e = estimate[c]
        d = (x << 10) - e
        e += (((d >> 16) * smoothing) << 2) + (((d & 65535) * smoothing) >> 14)
        estimate[c] = e
        d = (x << 10) - e
        d = 0 if d < 0 else d >> 10
        least = (x >> 14) * remaining + (((x & 16383) * remaining) >> 14)
        signal[c] = d if d > least else least
        smoothing = 1392 - smoothing  # 409 for even channels, 983 for odd ones, in Q14


@micropython.viper
def gain(signal: ptr32, estimate: ptr32, table: ptr16):
    """signal times a gain that falls with the noise estimate: a quadratic in each octave; then x^2 / 4 below 2, else x - 1."""
    for c in range(40):
        x = estimate[c]
        if x <= 2:
            g = table[x]
        else:
            n = 0
            t = x
            if t >> 16:
                n = 16
                t >>= 16
            if t >> 8:
                n += 8
                t >>= 8
            while t:
                n += 1
                t >>= 1
            t = (x << (11 - n) if n < 11 else x >> (n - 11)) & 1023
            i = (n << 2) - 6
            g = ((((table[i + 2] ^ 32768) - 32768) * t) >> 5) + (((table[i + 1] ^ 32768) - 32768) << 5)
            g = ((g * t + 16384) >> 15) + table[i]
        x = signal[c]
        x = (x >> 6) * g + (((x & 63) * g) >> 6)
        signal[c] = (x * x) >> 20 if x < 8192 else (x >> 6) - 64


@micropython.viper
def logarithm(signal: ptr32, table: ptr16):
    """signal = 64 ln(8 signal), or 0 for 0."""
    for c in range(40):
        x = signal[c] << 3
        if x:
            n = 0 - 1
            t = x
            if t >> 16:
                n += 16
                t >>= 16
            if t >> 8:
                n += 8
                t >>= 8
            while t:
                n += 1
                t >>= 1
            t = x - (1 << n)
            t = t << (16 - n) if n < 16 else t >> (n - 16)
            i = t >> 9
            # Shifted by 16 where 9 would interpolate: so it is in C.
            t += table[i] + (((table[i + 1] - table[i]) * (t & 511)) >> 16) + (n << 16)
            # Times ln 2 = 45426 / 2^16. The low half is taken with half the factor, as 45426 * 65535 needs an unsigned word.
            x = (t >> 16) * 45426 + (((t & 65535) * 22713 + 16384) >> 15)
            x = ((x << 6) + 32768) >> 16
        signal[c] = x


@micropython.viper
def output(signal: ptr32, features: ptr16, quantized: ptr8, numbers: int):
    """features = signal, at most 65535; quantized = (features * multiplier + 2^15 >> 16) - 128, at most 127.

    numbers: the multiplier, and << 16 where in `quantized` the frame goes.
    """
    multiplier = numbers & 65535
    at = numbers >> 16
    for c in range(40):
        x = signal[c]
        if x > 65535:
            x = 65535
        features[c] = x
        x = (x * multiplier + 32768) >> 16
        quantized[at + c] = (x if x < 256 else 255) - 128
