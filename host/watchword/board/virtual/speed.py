"""How fast an emulated chip runs: its cycles, and the time of this computer that they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Speed:
    """Of a virtual board since it is on: cycles, and seconds of its process: on a processor (cpu) and by the clock (wall).

    clock: Hz of the chip. late: seconds by which a board that is to keep real time missed it; None where it is not.
    """

    cycles: int
    clock: int
    cpu: float
    wall: float
    late: float | None

    @classmethod
    def of(cls, counters: Mapping[str, Any]) -> Self:
        """What the control channel's counters say (pico/emulator/control.mjs)."""
        return cls(counters["cycles"], counters["hz"], counters["cpu"], counters["wall"], counters["late"])

    @property
    def hz(self) -> float:
        """Cycles in a second of a processor of this computer."""
        return self.cycles / self.cpu

    def __str__(self) -> str:
        times = self.hz / self.clock
        late = "" if self.late is None else f", {self.late:.1f} s late" if self.late >= 0.05 else ", in real time"
        return (
            f"at {self.hz / 1e6:.0f} MHz of {self.clock / 1e6:g} ({times:.{1 if times >= 0.1 else 2}f} times real time){late}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {
            "hz": round(self.hz),
            "clock_hz": self.clock,
            "cycles": self.cycles,
            "cpu_s": round(self.cpu, 3),
            "wall_s": round(self.wall, 3),
            "late_s": None if self.late is None else round(self.late, 3),
        }
