"""What a benchmark found: figures of each candidate, ratios from paired rounds, and conditions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np


class Ratio(NamedTuple):
    """How many times as fast as the first, over the rounds."""

    median: float
    quartiles: tuple[float, float]
    """Half of the rounds lie between these."""


class Absent(NamedTuple):
    """A candidate without figures."""

    model: Path
    engine: str
    precision: str | None
    """What was asked for; None: that of the file."""

    reason: str

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**self._asdict(), "model": str(self.model)}


@dataclass(frozen=True)
class Row:
    """One model behind one engine in one precision."""

    model: Path
    engine: str
    precision: str
    where: str
    """The device as a person would call it: "cpu, 2 threads"."""

    seconds: tuple[float, ...]
    """Of one batch, in each round."""

    peak_bytes: int | None
    """The most main memory that its process held; None where the system does not tell."""

    gpu_peak_bytes: int | None
    """The most GPU memory that torch took; None where it took none."""

    file_bytes: int

    @property
    def median_seconds(self) -> float:
        """Of one batch."""
        return median(self.seconds)

    @property
    def p95_seconds(self) -> float:
        """In 95 of 100 rounds a batch took no longer: a value that was measured, none between."""
        return float(np.percentile(self.seconds, 95, method="higher"))

    def times_as_fast_as(self, other: "Row") -> Ratio:
        """By the ratio in each round, when both saw the same state of the machine."""
        ratios = np.divide(other.seconds, self.seconds)
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        return Ratio(float(middle), (float(low), float(high)))


@dataclass(frozen=True)
class Benchmark:
    """Everything that was measured, and under which conditions."""

    protocol: Mapping[str, Any]
    """Size, batch, rounds, threads, what is timed, hardware and versions, as plain values."""

    rows: tuple[Row, ...]
    """The first one is what the others are compared with."""

    left_out: tuple[Absent, ...]
    """What cannot be timed here, with what to do."""

    failed: tuple[Absent, ...]
    """What should have worked."""

    def document(self) -> dict[str, Any]:
        """All of it as plain values for JSON."""
        return {
            "protocol": dict(self.protocol),
            "rows": [self._row_document(row) for row in self.rows],
            "left_out": [absent.document() for absent in self.left_out],
            "failed": [absent.document() for absent in self.failed],
        }

    def _row_document(self, row: Row) -> dict[str, Any]:
        ratio = row.times_as_fast_as(self.rows[0])
        return {
            "model": str(row.model),
            "engine": row.engine,
            "precision": row.precision,
            "where": row.where,
            "median_seconds": row.median_seconds,
            "p95_seconds": row.p95_seconds,
            "images_per_second": self.protocol["batch"] / row.median_seconds,
            "peak_bytes": row.peak_bytes,
            "gpu_peak_bytes": row.gpu_peak_bytes,
            "file_bytes": row.file_bytes,
            "times_as_fast": {"median": ratio.median, "quartiles": list(ratio.quartiles)},
            "seconds": list(row.seconds),
        }
