"""Datetimes as a trend and phases of cycles, and back."""

import datetime

import numpy as np
import pandas as pd
import pytest

from skae.preprocessing import TableEncoder
from skae.preprocessing._datetimes import CYCLES, Datetimes

N = 300
UNITS = ["s", "ms", "us", "ns"]


def _times(step="s", start="2016-03-05", span="1500D", n=N, seed=0):
    """Whole steps after a start, in random order."""
    n_steps = pd.Timedelta(span) // pd.Timedelta(1, step)
    steps = np.random.default_rng(seed).integers(0, n_steps, n)
    times = np.datetime64(start, "us") + steps.astype(f"timedelta64[{step}]")
    return pd.Series(times.astype("datetime64[us]"))


def _at(*times):
    return pd.Series(np.array(times, dtype="datetime64[us]"))


def _fitted(*columns, weight=None):
    datetimes = Datetimes("when")
    for column in columns:
        datetimes.add(column, np.ones(len(column)) if weight is None else weight)
    datetimes.finish()
    return datetimes


def _back(datetimes, column):
    """What comes back, as a Series in the zone of the column."""
    back = pd.Series(datetimes.decode(datetimes.encode(column)))
    zone = column.dt.tz
    return back if zone is None else back.dt.tz_localize("UTC").dt.tz_convert(zone)


# ---- there and back ----


@pytest.mark.parametrize("span", ["1h", "1D", "8D", "300D", "1500D", "40000D"])
@pytest.mark.parametrize("step", ["us", "ms", "s", "m", "h", "D"])
def test_times_come_back_to_the_microsecond(step, span):
    column = _times(step, span=max(span, "1D", key=pd.Timedelta) if step == "D" else span)
    pd.testing.assert_series_equal(_back(_fitted(column), column), column)


@pytest.mark.parametrize("step", ["s", "h", "D"])
def test_whole_seconds_come_back_from_float32(step):
    column = _times(step)
    datetimes = _fitted(column)
    encoded = datetimes.encode(column).astype(np.float32)
    pd.testing.assert_series_equal(pd.Series(datetimes.decode(encoded)), column)


@pytest.mark.parametrize(
    "start", ["0001-01-02", "1066-10-14", "1899-12-31", "1969-06-01", "9990-01-01"]
)
def test_far_times_come_back(start):
    column = _times("D", start)
    pd.testing.assert_series_equal(_back(_fitted(column), column), column)


def test_a_date_that_stands_for_never_comes_back():
    column = pd.concat([_times("D"), _at(*["9999-12-31"] * 9)])
    pd.testing.assert_series_equal(_back(_fitted(column), column), column, check_index=False)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "UTC"])
def test_local_times_come_back_across_summer_time(zone):
    column = _times("h").dt.tz_localize("UTC").dt.tz_convert(zone)
    pd.testing.assert_series_equal(_back(_fitted(column), column), column)


def test_a_zone_makes_no_difference():
    column = _times("h").dt.tz_localize("UTC")
    local = column.dt.tz_convert("Asia/Tokyo")
    np.testing.assert_array_equal(_fitted(local).encode(local), _fitted(column).encode(column))


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_makes_no_difference(unit):
    column = _times()
    converted = column.astype(f"datetime64[{unit}]")
    np.testing.assert_array_equal(
        _fitted(converted).encode(converted), _fitted(column).encode(column)
    )


def test_objects_are_read_as_times():
    column = _times("D")
    expected = _fitted(column).encode(column)
    for objects in (column.dt.date, list(column), [t.to_pydatetime() for t in column]):
        objects = pd.Series(objects, dtype=object)
        np.testing.assert_array_equal(_fitted(objects).encode(objects), expected)


def test_objects_of_several_zones_are_read_as_times():
    hours = [datetime.timezone(datetime.timedelta(hours=h)) for h in (0, 2, -5)]
    times = [datetime.datetime(2020, 1, 1 + i, tzinfo=hours[i % 3]) for i in range(20)]
    column = pd.Series(times, dtype=object)
    back = _fitted(column).decode(_fitted(column).encode(column))
    assert (pd.Series(back).dt.tz_localize("UTC") == pd.to_datetime(column, utc=True)).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_times_do(n):
    column = _times(n=n)
    datetimes = _fitted(column)
    assert np.isfinite(datetimes.encode(column)).all()
    pd.testing.assert_series_equal(_back(datetimes, column), column)


def test_one_time_only_comes_back():
    column = _at(*["2020-02-29 12:34:56"] * 7)
    datetimes = _fitted(column)
    assert datetimes.cycles == ()
    assert (datetimes.encode(column) == 0).all()
    pd.testing.assert_series_equal(_back(datetimes, column), column)


# ---- missing ----


def test_a_missing_time_is_missing_in_all_parts():
    column = _times()
    column[::7] = pd.NaT
    datetimes = Datetimes("when")
    present = datetimes.add(column, np.ones(N))
    datetimes.finish()
    np.testing.assert_array_equal(present, column.notna())
    encoded = datetimes.encode(column)
    np.testing.assert_array_equal(
        np.isnan(encoded), np.repeat(column.isna().to_numpy()[:, None], 7, 1)
    )
    pd.testing.assert_series_equal(_back(datetimes, column), column)


def test_a_code_that_is_missing_in_part_is_missing():
    column = _times()
    datetimes = _fitted(column)
    encoded = datetimes.encode(column)[:7]
    encoded[np.arange(7), np.arange(7)] = np.nan
    assert np.isnat(datetimes.decode(encoded)).all()


def test_missing_times_and_weights_of_zero_say_nothing():
    column = _times("D")
    holed = pd.concat([column, pd.Series([pd.NaT] * 9)], ignore_index=True)
    np.testing.assert_allclose(_fitted(holed).encode(column), _fitted(column).encode(column))


# ---- trend and phases ----


def test_the_trend_is_standardised_and_grows_with_time():
    column = _times().sort_values()
    trend = _fitted(column).encode(column)[:, 0]
    assert trend.mean() == pytest.approx(0, abs=1e-9)
    assert trend.std() == pytest.approx(1)
    assert (np.diff(trend) >= 0).all()


def test_weights_count_in_the_trend():
    column, weight = _times(), np.random.default_rng(1).integers(0, 3, N)
    weighted = _fitted(column[weight > 0], weight=weight[weight > 0].astype(float))
    repeated = _fitted(column.repeat(weight))
    np.testing.assert_allclose(weighted.encode(column), repeated.encode(column), atol=1e-9)


def test_phases_lie_on_the_circle_and_repeat():
    column = _times("m")
    datetimes = _fitted(column)
    assert datetimes.cycles == ("year", "week", "day")
    assert datetimes.parts == ["trend"] + [
        f"{cycle}_{part}" for cycle in ("year", "week", "day") for part in ("sin", "cos")
    ]
    encoded = datetimes.encode(column)
    for i, cycle in enumerate(datetimes.cycles):
        sine, cosine = encoded[:, 1 + 2 * i : 3 + 2 * i].T
        np.testing.assert_allclose(sine**2 + cosine**2, 1)
        later = column + pd.Timedelta(CYCLES[cycle], "us")
        np.testing.assert_allclose(
            datetimes.encode(later)[:, 1 + 2 * i : 3 + 2 * i].T, [sine, cosine], atol=1e-6
        )


@pytest.mark.parametrize(
    ("step", "span", "cycles"),
    [
        ("s", "23h", ()),
        ("s", "25h", ("day",)),
        ("s", "8D", ("week", "day")),
        ("m", "400D", ("year", "week", "day")),
        ("D", "6D", ()),
        ("D", "8D", ("week",)),
        ("D", "4000D", ("year", "week")),
    ],
)
def test_a_cycle_is_used_where_it_varies_and_was_seen_around(step, span, cycles):
    times = _times(step, span=span, n=2000)
    assert _fitted(times).cycles == cycles


@pytest.mark.parametrize("start", ["2015-01-01 06:00", "2015-01-03 23:30", "2015-01-05"])
def test_a_phase_that_never_changes_is_left_out_wherever_it_stands(start):
    daily = pd.Series(pd.date_range(start, periods=999, freq="D"))
    assert _fitted(daily).cycles == ("year", "week")
    weekly = pd.Series(pd.date_range(start, periods=999, freq="7D"))
    assert _fitted(weekly).cycles == ("year",)


@pytest.mark.parametrize("step", ["D", "h", "m"])
def test_what_a_network_says_is_decoded_to_whole_steps(step):
    column = _times(step)
    datetimes = _fitted(column)
    encoded = datetimes.encode(column)
    noisy = encoded + np.random.default_rng(0).normal(0, 0.01, encoded.shape)
    back = pd.Series(datetimes.decode(noisy))
    assert (back.dt.floor({"m": "min"}.get(step, step)) == back).all()


def test_times_between_two_that_were_seen_are_decoded_as_such():
    datetimes = _fitted(_at("2000-01-01", "2010-01-01"))
    between = _at("2004-07-03", "2013-02-09")
    pd.testing.assert_series_equal(_back(datetimes, between), between)


def test_the_phases_mend_a_rough_trend():
    column = _times("h")
    datetimes = _fitted(column)
    encoded = datetimes.encode(column)
    encoded[:, 0] += np.random.default_rng(0).uniform(-0.1, 0.1, N)  # of 430 days
    assert (pd.Series(datetimes.decode(encoded)) == column).all()


def test_nonsense_is_decoded_to_some_time():
    column = _times()
    datetimes = _fitted(column)
    nonsense = np.random.default_rng(0).normal(0, 1e6, (50, 7))
    years = pd.Series(datetimes.decode(nonsense)).dt.year
    assert years.between(1, 9999).all()
    assert (datetimes.decode(np.zeros((1, 7))) > np.datetime64("2016")).all()


# ---- more rows ----


def test_adding_chunks_is_adding_all():
    column = _times("h")
    chunks, whole = _fitted(column[:9], column[9:200], column[200:]), _fitted(column)
    np.testing.assert_allclose(chunks.encode(column), whole.encode(column), atol=1e-9)
    assert chunks.cycles == whole.cycles


def test_the_trend_follows_and_the_cycles_stay():
    first, more = _times("D", span="300D"), _times("s", span="4000D")
    datetimes = _fitted(first)
    assert datetimes.cycles == ("week",)
    datetimes.add(more, np.ones(N))
    datetimes.finish()
    assert datetimes.cycles == ("week",)
    both = pd.concat([first, more])
    assert datetimes.encode(both)[:, 0].std() == pytest.approx(1)
    pd.testing.assert_series_equal(_back(datetimes, more), more)


def test_names_of_the_parts_begin_with_the_column():
    frame = pd.DataFrame({"when": _times("D")})
    assert list(TableEncoder().fit(frame).get_feature_names_out()) == [
        "when_trend",
        "when_year_sin",
        "when_year_cos",
        "when_week_sin",
        "when_week_cos",
    ]
