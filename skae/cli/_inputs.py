"""What a command reads: the table, the rows to learn from, and whether they go together."""

import shlex
from typing import NamedTuple

import numpy as np
from pandas.api import types

from skae.cli._report import SHOWN_CHARACTERS, CommandError, counted
from skae.cli._tables import Table, check_out, read_table
from skae.utils import did_you_mean

LARGEST = np.finfo(np.float32).max  # the network works in single precision


class Inputs(NamedTuple):
    """The tables of a command, checked."""

    table: Table
    normal: Table  # the rows to learn from; the table itself without --train
    features: list  # names of the columns to learn from, in both
    notes: list  # lines of text


def read_inputs(args, label=None, new_columns=()):
    """Read TABLE and --train, and check that they can be learned from together.

    Parameters
    ----------
    args : argparse.Namespace
        With `table`, `train`, `ignore` and `out`.
    label : str, default=None
        A column that is no feature.
    new_columns : iterable of str, default=()
        Columns that --out will have besides.

    Returns
    -------
    Inputs
        The tables.
    """
    labels = [] if label is None else [label]
    excluded = {"", *args.ignore, *labels}
    if args.out:
        check_out(args.out, inputs=[path for path in (args.table, args.train) if path])
    table = read_table(args.table, text_columns=excluded)
    normal = read_table(args.train, text_columns=excluded) if args.train else table
    check_columns(table.columns, args.table, labels, "--label")
    check_columns([*table.columns, *normal.columns], args.table, args.ignore, "--ignore")
    _check_free(table, new_columns if args.out else ())
    features = [name for name in table.columns if name not in excluded]
    if not features:
        raise CommandError(f"{args.table}: there is no column left to learn from")
    _check_same(table, normal, excluded)
    heads = {one: one.features(one.head, features) for one in (table, normal)}
    for one, head in heads.items():
        _check_values(one, head, has_to_teach=one is normal)
    _check_kinds(table, normal, heads[table], heads[normal])
    if normal.n_rows < 2:
        raise CommandError(f"{normal.path}: one row is too few to learn from")
    notes = [note for one, head in heads.items() for note in _notes(one, head)]
    return Inputs(table, normal, features, notes)


# ---- names ----


def check_columns(columns, path, wanted, option):
    """Raise a CommandError for the first name `wanted` that is none of the columns."""
    for name in wanted:
        if name not in columns:
            raise CommandError(f"{path}: {option}: no column {name!r}{did_you_mean(name, columns)}")


def _check_free(table, new_columns):
    taken = [name for name in new_columns if name in table.columns]
    if taken:
        raise CommandError(
            f"{table.path}: has a column {taken[0]!r} already, which --out would write; rename it"
        )


def _check_same(table, normal, excluded):
    """Check that both tables have the same features."""
    for one, other in [(normal, table), (table, normal)]:
        lacking = [name for name in other.columns if name not in {*one.columns, *excluded}]
        if lacking:
            more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            raise CommandError(
                f"{one.path}: lacks column {lacking[0]!r}{more} of the other table; "
                "--train needs the columns of TABLE (or --ignore)"
            )


# ---- values ----


def _check_values(table, head, has_to_teach):
    """Check what is known before any work; what comes later in a stream is checked as it comes."""
    for name, column in head.items():
        if has_to_teach and not table.is_streamed and column.isna().all():
            _refuse(table, name, "has no value at all")
        if types.is_numeric_dtype(column.dtype):
            values = np.abs(column.to_numpy(np.float64, na_value=np.nan))
            too_large = int((values > LARGEST).sum())
            if too_large:
                _refuse(table, name, f"has {counted(too_large, 'infinite or huge value')}")


def _check_kinds(table, normal, head, normal_head):
    for name in head.columns:
        kind, normal_kind = _kind(head[name]), _kind(normal_head[name])
        if None not in (kind, normal_kind) and kind != normal_kind:
            example = str(normal_head[name].dropna().iloc[0])[:SHOWN_CHARACTERS]
            _refuse(
                normal,
                name,
                f"holds {normal_kind} (such as {example!r}), and {kind} in {table.path}",
            )


def _kind(column):
    """What a column holds, for a person; None where that is left to the estimator."""
    if column.isna().all():
        return None
    if types.is_numeric_dtype(column.dtype):
        return "numbers"
    if types.is_datetime64_any_dtype(column.dtype):
        return "dates"
    return "text" if types.infer_dtype(column, skipna=True) == "string" else None


def _refuse(table, name, problem):
    hint = f"leave it out with --ignore {shlex.quote(name)}"
    raise CommandError(f"{table.path}: column {name!r} {problem}; {hint}")


# ---- notes ----


def _notes(table, head):
    """Yield what a person might not expect of how a table is read."""
    path, names = table.path, table.columns
    if "" in names:
        yield f"{path}: the column without a name is taken as row names, not as a feature"
    if all(map(_is_number, names)) and names != [str(i) for i in range(len(names))]:
        yield f"{path}: its first line holds numbers only; it was taken as the column names"
    dates = [name for name in head.columns if name in table.dates]
    if dates:
        yield f"{path}: read as dates: {', '.join(map(repr, dates))}"
    for name, column in head.items():
        if _kind(column) == "text":
            yield from _notes_on_text(path, name, column.dropna())


def _notes_on_text(path, name, texts):
    is_number = texts.map(_is_number)
    if is_number.mean() > 0.5:
        others = "".join(f", unlike {text[:SHOWN_CHARACTERS]!r}" for text in texts[~is_number][:1])
        yield f"{path}: column {name!r} is taken as text, though most of it is numbers{others}"
    elif texts.is_unique and len(texts) > 1:
        yield (
            f"{path}: column {name!r} has another text in every row, which says nothing; "
            f"--ignore {shlex.quote(name)} leaves it out"
        )


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
