"""A process that makes the next batches while this one computes with the last: NumPy's small steps would hold each other up.

It is started as `python -m watchword.train.datasets.beside`, on every system alike and without running a user's script again,
is given the dataset by pickle and gives batches back, in order. It goes on to the next epochs, and waits for its reader.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from numpy.typing import NDArray

from watchword.errors import DataError, WatchwordError
from watchword.train.datasets.dataset import Dataset, Examples

_AHEAD = 8  # batches that wait here; as many bytes as a pipe holds wait there
_BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def beside(dataset: Dataset) -> Beside:
    """A dataset whose epochs are made by a process of its own, byte for byte the same. Close it, or use it by `with`."""
    return Beside(dataset)


class Beside(Dataset):
    """See `beside`. The process starts with the first epoch that is asked for, and anew where another one than the next is."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset.labels, dataset.shape, dataset.size, dataset.batch_size, dataset.seed, 0.0)
        self.dataset = dataset
        self.clips, self.validation_clips = dataset.clips, dataset.validation_clips
        self._maker: _Maker | None = None
        self._next = 0
        self._validation: Examples | None = None

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._maker is not None:
            self._maker.close()
            self._maker = None

    def epoch(self, number: int) -> Iterator[Examples]:
        """Yield the batches of an epoch. DataError: as the dataset, or the process ended."""
        if self._maker is None or self._next != number:
            self.close()
            self._maker = _Maker(self.dataset, number)
        self._next = -1  # until all of it was taken
        for batch in range(self.batches):
            yield self._maker.take(number, batch)
        self._next = number + 1

    def validation(self) -> Examples:
        if self._validation is None:
            self._validation = self.dataset.validation()
        return self._validation

    def save_validation(self, folder: Path) -> None:
        self.dataset.save_validation(folder)

    def batch(self, epoch: int, number: int) -> Examples:
        return self.dataset.batch(epoch, number)

    def calibration(self, count: int) -> NDArray[Any]:
        return self.dataset.calibration(count)

    def drawn(self, rng: Any) -> Any:
        return self.dataset.drawn(rng)

    def made(self, rows: Any, rng: Any) -> Examples:
        return self.dataset.made(rows, rng)


class _Maker:
    """The process, and a thread that reads what it makes."""

    def __init__(self, dataset: Dataset, epoch: int) -> None:
        environment = os.environ | dict.fromkeys(_BLAS, "1")
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "watchword.train.datasets.beside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )
        self._made: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._closed = False
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as stream:  # if it has ended, `take` tells why
            pickle.dump((dataset, epoch), stream, pickle.HIGHEST_PROTOCOL)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def take(self, epoch: int, batch: int) -> Examples:
        """The next batch, which is this one."""
        found = self._made.get()
        if found is None:
            raise DataError(f"epoch {epoch}, batch {batch}: {self._ending()}")
        if isinstance(found, WatchwordError):
            raise found
        if isinstance(found, str):  # a fault of ours
            raise RuntimeError(f"the process that makes examples failed:\n{found}")
        made_epoch, made_batch, examples = found
        assert (made_epoch, made_batch) == (epoch, batch)
        assert isinstance(examples, Examples)
        return examples

    def close(self) -> None:
        self._closed = True
        self._process.kill()
        while self._thread.is_alive():  # it may wait for room
            with contextlib.suppress(queue.Empty):
                self._made.get(timeout=0.05)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while not self._closed:
                self._made.put(pickle.load(self._process.stdout))
        except Exception:  # it ended, perhaps in the middle of a batch
            self._made.put(None)

    def _ending(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read()[-2000:].decode(errors="replace").strip().splitlines()
        if code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            why = f"was ended by {name}"
        else:
            why = f"ended with status {code}"
        hint = f": {said[-1]}" if said else ", perhaps for want of memory: take a smaller training.batch or less noise"
        return f"the process that makes examples {why}{hint}"


def main() -> None:
    """The process: reads a dataset and the first epoch from stdin, and writes batches to stdout until nobody takes them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that trains, which ends this one
    stream = sys.stdout.buffer
    sys.stdout = sys.stderr
    dataset, epoch = pickle.load(sys.stdin.buffer)
    try:
        while True:
            for number, examples in enumerate(dataset.epoch(epoch)):
                _send((epoch, number, examples), stream)
            epoch += 1
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            _send(DataError(f"{error.filename or 'a file'}: cannot be used: {error.strerror}"), stream)
    except WatchwordError as error:
        _send(error, stream)
    except MemoryError:
        _send(DataError("not enough memory to make a batch: take a smaller training.batch, or less noise"), stream)
    except Exception:
        _send(traceback.format_exc(), stream)


def _send(made: object, stream: IO[bytes]) -> None:
    try:
        pickle.dump(made, stream, pickle.HIGHEST_PROTOCOL)
        stream.flush()
    except (BrokenPipeError, OSError):  # nobody is there any more, which Windows tells by another error
        os._exit(0)


if __name__ == "__main__":
    main()
