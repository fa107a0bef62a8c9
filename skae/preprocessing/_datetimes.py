"""Datetimes as a trend and the phases of cycles."""

import copy

import numpy as np
import pandas as pd

from skae.preprocessing._scaling import TableScaler

DAY = 86_400_000_000  # microseconds
# From long to short: the phase of each mends what the ones before it leave open.
CYCLES = {"year": 365.2425 * DAY, "week": 7.0 * DAY, "day": 1.0 * DAY}
# What datetimes of Python can say: the years 1 to 9999.
EARLIEST, LATEST = (
    int(np.datetime64(time, "us").astype(np.int64))
    for time in ("0001-01-01", "9999-12-31T23:59:59.999999")
)


class Datetimes:
    """A column of datetimes as a trend (standardised days), and sine and cosine of cycles.

    A cycle is left out where it says nothing: its phase never changes (the hour of whole days, the
    day of weekly values), or training did not see it once around.

    Attributes
    ----------
    cycles : tuple of str
        Of "year", "week" and "day", those that are used; they stay as the first call decided.
    """

    def __init__(self, name):
        self.scaler = TableScaler("standard", [name])
        self.first = None  # microseconds since 1970
        self.stride = 0  # the largest step from the first value that leads to all others
        self.low, self.high = np.inf, -np.inf
        self.cycles = None
        self._matching = None

    def add(self, column, sample_weight):
        """Follow the values of a Series; return which of its cells are not missing."""
        times, present = _microseconds(column)
        if present.any():
            times = times[present]
            self.first = int(times[0]) if self.first is None else self.first
            self.stride = int(np.gcd(self.stride, np.gcd.reduce(times - self.first)))
            self.low, self.high = min(self.low, times.min()), max(self.high, times.max())
            self.scaler.add(self._days(times), sample_weight[present])
        return present

    def _days(self, times):
        return ((times - self.first) / DAY)[:, None]

    def finish(self):
        """Take the statistics over; decide which cycles to use, once."""
        self.scaler.finish()
        if self.cycles is None:
            span = self.high - self.low
            self.cycles = tuple(
                name for name, period in CYCLES.items() if span >= period and self.stride % period
            )

    def learned(self):
        """What a `Column` says of it."""
        return {"width": len(self.parts)}

    @property
    def parts(self):
        """Names of the columns of :meth:`encode`."""
        return ["trend", *(f"{cycle}_{part}" for cycle in self.cycles for part in ("sin", "cos"))]

    def encode(self, column):
        """Trend and phases of the cells of a Series, (n_samples, n_parts); NaN where missing."""
        times, present = _microseconds(column)
        times = np.where(present, times, self.first)
        encoded = [self.scaler.transform(self._days(times), np.float64)[:, 0]]
        for cycle in self.cycles:
            angle = 2 * np.pi * np.mod(times, CYCLES[cycle]) / CYCLES[cycle]
            encoded += [np.sin(angle), np.cos(angle)]
        return np.where(present[:, None], np.stack(encoded, axis=1), np.nan)

    def decode(self, encoded):
        """Datetimes (UTC, datetime64[us]) of trends and phases; each phase corrects the trend."""
        missing = np.isnan(encoded).any(axis=1)
        times = self._times(np.where(missing[:, None], 0.0, encoded))
        if self._matching is not None:
            times = self._matching.inverse_transform(times[:, None])[:, 0]
        times = self._on_grid(times).astype("datetime64[us]")
        return np.where(missing, np.datetime64("NaT"), times)

    def matched(self, column, encoded, matching):
        """Return a copy that decodes to datetimes as in a Series; see `TableEncoder.matched`."""
        codec = copy.copy(self)
        times, present = _microseconds(column)
        times = np.where(present, times, np.nan)
        codec._matching = matching(times[:, None], self._times(encoded)[:, None])
        return codec

    def _times(self, encoded):
        """Microseconds since 1970 (UTC) of trends and phases, not rounded."""
        times = self.scaler.inverse_transform(encoded[:, :1])[:, 0] * DAY + self.first
        for cycle, (sine, cosine) in zip(self.cycles, _pairs(encoded[:, 1:]), strict=True):
            period = CYCLES[cycle]
            phase = np.arctan2(sine, cosine) / (2 * np.pi) * period
            times += np.mod(phase - times + period / 2, period) - period / 2
        return times

    def _on_grid(self, times):
        """Nearest times at which values stood in training: whole days, hours, ..."""
        step = int(np.gcd(self.stride, DAY))
        low, high = -((self.first - EARLIEST) // step), (LATEST - self.first) // step
        steps = np.clip(np.round((times - self.first) / step), low, high).astype(np.int64)
        return self.first + np.clip(steps, low, high) * step  # floats are coarse at the ends


def _pairs(columns):
    return zip(columns.T[::2], columns.T[1::2], strict=True)


def _microseconds(column):
    """Microseconds since 1970 (UTC) of the cells, and which of them are there."""
    times = pd.to_datetime(column, utc=True).to_numpy("datetime64[us]")
    return times.astype(np.int64), ~np.isnat(times)
