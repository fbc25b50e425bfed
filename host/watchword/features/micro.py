"""The "micro" front end for sound: 16 kHz int16 samples in, 40 uint16 log-mel features for every 30 ms window out.

Bit for bit what TFLite Micro's C front end computes (tensorflow/lite/experimental/microfrontend/lib), which ESPHome and
microWakeWord use and `watchword.frontend` runs on the board. In order: Hann window, 512-point FFT of 16 bits, 40 mel
filters, square root, subtraction of a noise estimate, gain control per channel (PCAN), logarithm. The noise estimate is the
only thing that lasts from one frame to the next; everything before it is computed for many frames at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError, ModelError
from watchword.features.tables import CHANNELS, FIRST_BIN, LAST_BIN, RATE, WINDOW, Tables, TableSet, tables

MICRO_MULTIPLIER = 25191  # features to int8 as ESPHome does it: see to_int8

_SMOOTHING = np.where(np.arange(CHANNELS) % 2, 983, 409)  # 0.06 for odd channels, 0.025 for even ones, in Q14
_REMAINING = 819  # noise reduction leaves at least this part of the signal, 0.05 in Q14
_BLOCK = 256  # frames whose spectra are computed together: their arrays fit in a processor's cache
_CLIP_BLOCK = 1 << 12  # frames of clips between two outputs of `features`: bounds its memory to some 15 MB


@dataclass(frozen=True)
class FrontendParameters:
    """How sound becomes features; part of a model's description.

    hop_ms: from one 30 ms window to the next, 10 or 20. tables: see `tables`; boards run "micro" only. noise_reduction, pcan,
    log: the stages that can be left out, as in the C original. Raises ModelError for values that do not exist.
    """

    hop_ms: int = field(default=20, metadata={"enum": [10, 20]})
    tables: TableSet = "micro"
    noise_reduction: bool = True
    pcan: bool = True
    log: bool = True

    def __post_init__(self) -> None:
        if self.hop_ms not in (10, 20):
            raise ModelError(f"hop_ms is {self.hop_ms}: it is 10 or 20")
        if self.tables not in ("micro", "preprocessor"):
            raise ModelError(f"tables is {self.tables!r}: it is micro or preprocessor")

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return RATE * self.hop_ms // 1000


class MicroFrontend:
    """The front end for a stream of sound."""

    def __init__(self, parameters: FrontendParameters | None = None) -> None:
        self.parameters = parameters or FrontendParameters()
        self._tables = tables(self.parameters.tables)
        self.reset()

    def reset(self) -> None:
        """A new stream: no samples pending, a noise estimate of 0."""
        self._pending = np.zeros(0, np.int16)
        self._estimate = np.zeros((1, CHANNELS), np.int64)

    def process(self, samples: NDArray[np.int16]) -> NDArray[np.uint16]:
        """int16 (samples,), any number -> uint16 (frames, 40): the windows that are complete now.

        Raises DataError for another dtype or shape.
        """
        pending = np.concatenate([self._pending, _sound(samples, 1)])
        signal = _spectra(pending[None], self.parameters.hop, self._tables)
        self._pending = pending[signal.shape[0] * self.parameters.hop :]
        return _compressed(signal, self._estimate, self.parameters, self._tables)[:, 0]


def features(signals: NDArray[np.int16], parameters: FrontendParameters | None = None) -> NDArray[np.uint16]:
    """int16 (clips, samples) -> uint16 (clips, frames, 40), each clip as a stream of its own.

    There are (samples - 480) // hop + 1 frames. Raises DataError for another dtype or shape.
    """
    parameters = parameters or FrontendParameters()
    t = tables(parameters.tables)
    signals = _sound(signals, 2)
    clips, samples = signals.shape
    frames = _frames(samples, parameters.hop)
    out = np.empty((clips, frames, CHANNELS), np.uint16)
    step = max(1, _CLIP_BLOCK // max(1, frames))
    for i in range(0, clips, step):
        signal = _spectra(signals[i : i + step], parameters.hop, t)
        estimate = np.zeros((signal.shape[1], CHANNELS), np.int64)
        out[i : i + step] = _compressed(signal, estimate, parameters, t).swapaxes(0, 1)
    return out


def to_int8(features: NDArray[np.uint16], multiplier: int = MICRO_MULTIPLIER) -> NDArray[np.int8]:
    """uint16 of any shape -> int8 as models take them: (v * multiplier + 2^15 >> 16) - 128, at most 127.

    With the default multiplier it is (256 v + 333) // 666 - 128, which micro_speech and ESPHome use. multiplier: 1 to 32767.
    """
    scaled: NDArray[np.int32] = (features.astype(np.int32) * multiplier + 32768) >> 16
    return np.minimum(scaled - 128, 127).astype(np.int8)


def pack_tables(parameters: FrontendParameters) -> bytes:
    """The tables as the board's front end reads them: the parts of `_board_tables` in their order, little-endian.

    Raises ModelError for tables that the board cannot run.
    """
    if parameters.tables != "micro":
        raise ModelError(
            f'frontend.tables is "{parameters.tables}": boards run only "micro", whose two weights of a bin add up to 4096'
        )
    parts = _board_tables(tables(parameters.tables))
    return b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts.values())


def _board_tables(t: Tables) -> dict[str, NDArray[np.int16] | NDArray[np.uint16]]:
    """What the board looks up, an even number of bytes each; `firmware/watchword/frontend.py` knows where they begin."""
    widths = np.bincount(t.channel, minlength=CHANNELS + 1)
    starts = np.cumsum(widths) - widths
    return {
        "window": t.window,
        "twiddle": t.twiddle[:192],  # 3 * 63 is the last one used
        "split": t.split[FIRST_BIN - 1 :],
        # For each channel the number of its bins, then their weights.
        "filters": np.insert(t.weight, starts, widths).astype(np.uint16),
        "gain": t.gain,
        "log": t.log,
    }


def _sound(samples: NDArray[np.int16], axes: int) -> NDArray[np.int16]:
    samples = np.asarray(samples)
    if samples.dtype != np.int16 or samples.ndim != axes:
        raise DataError(f"sound of dtype {samples.dtype} with {samples.ndim} axes: int16 with {axes} is expected")
    return samples


def _frames(samples: int, hop: int) -> int:
    return max(0, (samples - WINDOW) // hop + 1)


# ---------------------------------------------------------------- stages without memory


def _spectra(signals: NDArray[np.int16], hop: int, t: Tables) -> NDArray[np.int64]:
    """(clips, samples) -> (frames, clips, 40): amplitudes in the mel bands."""
    clips, samples = signals.shape
    frames = _frames(samples, hop)
    out = np.empty((frames * clips, CHANNELS), np.int64)
    if out.size:
        bank = _bank(t)
        windows = np.lib.stride_tricks.sliding_window_view(signals, WINDOW, axis=1)[:, ::hop]
        for i in range(0, len(out), _BLOCK):
            frame, clip = np.divmod(np.arange(i, min(i + _BLOCK, len(out))), clips)
            out[i : i + _BLOCK] = _bands(windows[clip, frame].T, bank, t).T
    return out.reshape(frames, clips, CHANNELS)


def _bank(t: Tables) -> NDArray[np.float64]:
    """The mel filters as a matrix (40, 236)."""
    bank = np.zeros((CHANNELS + 2, len(t.channel)))
    np.add.at(bank, (t.channel, np.arange(len(t.channel))), t.weight)
    np.add.at(bank, (t.channel + 1, np.arange(len(t.channel))), t.unweight)
    return bank[1:-1]


def _bands(windows: NDArray[np.int16], bank: NDArray[np.float64], t: Tables) -> NDArray[np.int64]:
    """(480, n) samples -> (40, n) amplitudes. Frames are the last axis here, so that each step runs along memory."""
    y = (windows * t.window.astype(np.int32)[:, None] >> 12).astype(np.int16)
    # -32768 (of full-scale samples under taps 238 to 241) has no negative in 16 bits: as in C, it does not count as a peak, and
    # becomes 0 when it is shifted.
    peak = np.abs(y).max(0)
    shift = 15 - np.frexp(peak.astype(np.float64))[1]
    x = np.zeros((512, y.shape[1]), np.int16)
    np.left_shift(y, shift.astype(np.int16), out=x[:WINDOW])
    # Sums are below 2^42, so float64 is exact. The root is the nearest integer: a root of x = r^2 + r, the last to be rounded
    # down, lies 1 / (8 r) below r + 1/2, far more than float64's error. C has one exception: 65535 is not rounded up.
    sums = bank @ _energies(*_fft256(x[0::2], x[1::2], t), t)
    root = np.rint(np.sqrt(sums))
    root -= (root == 65536) & (sums < 2.0**32)
    amplitudes: NDArray[np.int64] = root.astype(np.int64) >> shift
    return amplitudes


def _scaled(x: NDArray[np.int16], factor: int) -> NDArray[np.int32]:
    """x factor in Q15, rounded half up."""
    y = x.astype(np.int32)
    y *= factor
    return _round_q15(y)


def _round_q15(x: NDArray[np.int32]) -> NDArray[np.int32]:
    """A product of two Q15 numbers back to Q15, rounded half up, in place."""
    x += 16384
    x >>= 15
    return x


def _twiddle(re: NDArray[np.int32], im: NDArray[np.int32], w: NDArray[np.int16]) -> None:
    """(re + j im) w, rounded, in place: by three products, whose overflows cancel."""
    wr, wi = w[..., 0, None].astype(np.int32), w[..., 1, None].astype(np.int32)
    both = re + im
    both *= wr
    re *= wi - wr
    im *= wr + wi
    re += both
    both -= im
    im[:] = _round_q15(re)
    re[:] = _round_q15(both)


_ORDER = np.arange(256).reshape(4, 4, 4, 4).transpose(3, 2, 1, 0).ravel()  # base-4 digits reversed


def _fft256(re: NDArray[np.int16], im: NDArray[np.int16], t: Tables) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """(256, n) complex -> its transform / 256: four radix-4 stages, decimation in time.

    Each stage first scales by 8191 / 32768 and rounds half up, then rounds the products with twiddles; sums wrap at 16 bits.
    """
    n = re.shape[1]
    re, im = re[_ORDER], im[_ORDER]
    for m in (1, 4, 16, 64):
        wide_re, wide_im = _scaled(re, 8191).reshape(-1, 4, m, n), _scaled(im, 8191).reshape(-1, 4, m, n)
        if m > 1:
            _twiddle(wide_re[:, 1:], wide_im[:, 1:], t.twiddle[np.outer((1, 2, 3), np.arange(0, 64, 64 // m))])
        r, i = wide_re.astype(np.int16), wide_im.astype(np.int16)
        er, ei, fr, fi = r[:, 0] + r[:, 2], i[:, 0] + i[:, 2], r[:, 0] - r[:, 2], i[:, 0] - i[:, 2]
        sr, si, dr, di = r[:, 1] + r[:, 3], i[:, 1] + i[:, 3], r[:, 1] - r[:, 3], i[:, 1] - i[:, 3]
        for k, (x, y) in enumerate(((er + sr, ei + si), (fr + di, fi - dr), (er - sr, ei - si), (fr - di, fi + dr))):
            r[:, k], i[:, k] = x, y
        re, im = r.reshape(256, n), i.reshape(256, n)
    return re, im


def _energies(re: NDArray[np.int16], im: NDArray[np.int16], t: Tables) -> NDArray[np.float64]:
    """The 256-point transform of the pairs of samples -> (236, n): energies of bins 5 to 240 of the real one."""
    k = np.arange(FIRST_BIN, 129)
    ar, ai = _scaled(re[k], 16383), _scaled(im[k], 16383)
    br, bi = _scaled(re[256 - k], 16383), _scaled(-im[256 - k], 16383)
    wr, wi = ar - br, ai - bi
    _twiddle(wr, wi, t.split[k - 1])
    ar += br
    ai += bi
    energy = np.empty((LAST_BIN + 1 - FIRST_BIN, re.shape[1]))
    energy[: 128 - FIRST_BIN] = _energy(ar + wr, ai + wi)[:-1]
    # Bin 128 has both forms; C writes the upper one last.
    energy[128 - FIRST_BIN :] = _energy(ar - wr, wi - ai)[: 15 - FIRST_BIN : -1]
    return energy


def _energy(re: NDArray[np.int32], im: NDArray[np.int32]) -> NDArray[np.int32]:
    """|z / 2|^2, overwriting z; below 2^30, as the energies of a frame add up to less."""
    re >>= 1
    im >>= 1
    re *= re
    im *= im
    re += im
    return re


# ---------------------------------------------------------------- noise, gain, logarithm


def _compressed(
    signal: NDArray[np.int64], estimate: NDArray[np.int64], parameters: FrontendParameters, t: Tables
) -> NDArray[np.uint16]:
    """(frames, clips, 40) amplitudes and (clips, 40) noise estimates, which are updated -> (frames, clips, 40) features."""
    scaled = signal << 10
    noise = np.empty_like(signal)
    for i in range(len(signal)):
        estimate += (scaled[i] - estimate) * _SMOOTHING >> 14
        noise[i] = estimate
    if parameters.noise_reduction:
        signal = np.maximum((scaled - np.minimum(noise, scaled)) >> 10, signal * _REMAINING >> 14)
    if parameters.pcan:
        signal = signal * _gains(noise, t) >> 6
        signal = np.where(signal < 8192, signal * signal >> 20, (signal >> 6) - 64)  # x^2 / 4 below 2, else x - 1
    if parameters.log:
        signal = _log(signal, t)
    return np.minimum(signal, 65535).astype(np.uint16)


def _bits(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of the highest set bit, counted from 1; 0 for 0. x below 2^53."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def _gains(noise: NDArray[np.int64], t: Tables) -> NDArray[np.int64]:
    """Noise estimates in Q10 -> gains in Q21, by the quadratic of the octave that the estimate lies in."""
    table = t.gain.astype(np.int64)
    octave = _bits(noise)
    at = np.maximum(4 * octave - 6, 0)
    x = (noise << 11 >> octave) & 1023
    curve = ((table[at + 2] * x >> 5) + (table[at + 1] << 5)) * x
    return np.where(noise <= 2, table[np.minimum(noise, 2)], ((curve + 16384) >> 15) + table[at])


def _log(x: NDArray[np.int64], t: Tables) -> NDArray[np.int64]:
    """64 ln(8 x), or 0 for 0: in Q16 whole + fraction + table, times ln 2."""
    table = t.log.astype(np.int64)
    x = x << 3
    whole = np.maximum(_bits(x) - 1, 0)
    fraction = (x << 16 >> whole) & 65535
    at = fraction >> 9
    # Shifted by 16 where 9 would interpolate: so it is in C, where the slope is nearly lost.
    log2 = (whole << 16) + fraction + table[at] + ((table[at + 1] - table[at]) * (fraction & 511) >> 16)
    ln = (log2 * 45426 + 32768) >> 16
    return np.where(x > 0, ((ln << 6) + 32768) >> 16, 0)
