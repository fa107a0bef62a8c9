"""The conditional variational auto-encoder."""

from functools import partial

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skae.distributions import MixedColumns, get_likelihood
from skae.nn import ConditionalAutoEncoder
from skae.preprocessing import chosen_columns, principal_axes
from skae.utils import as_pandas, check_count, fill_cells, frame_library, in_library, parameters_of
from skae.variational._vae import (
    VAE,
    VAE_ATTRIBUTES,
    VAE_DEFAULTS,
    VAE_PARAMETERS,
    documented_vae,
)

# Rows whose conditions are remembered, so that `sample` can do without any.
MOST_CONDITIONS = 2_000


class ConditionalVAE(VAE):
    __doc__ = f"""Variational auto-encoder of some columns, given the others.

    Rows are :math:`(x, c)`, and `condition` says which columns are :math:`c`. The encoder sees all
    of a row, the decoder is told the condition beside the code:

    .. math:: \\log p(x \\mid c) \\ge \\mathbb E_{{q(z \\mid x, c)}} \\log p(x \\mid z, c)
        - \\beta\\, \\mathrm{{KL}}(q(z \\mid x, c) \\,\\|\\, p(z)), \\qquad p(z) = \\mathcal N(0, I)

    (equation 4 of Sohn et al., with the prior that does not depend on the condition, as in model
    M2 of Kingma et al.). Codes need not say what the condition says already, and
    ``sample(condition=...)`` draws rows for a condition.

    Parameters
    ----------
    condition : array-like, default=None
        The columns that are given: names, positions, or a mask over the columns; not all of them.
        They stay part of `X`, of any kind, and may have missing cells. None is no column, and gives
        :class:`VAE`; under `input_shape`, where all columns are pixels, there can be no other.
    {VAE_PARAMETERS}
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    condition_ : ndarray of int
        Positions of the columns that are given.
    {VAE_ATTRIBUTES}

    See Also
    --------
    VAE : Of all columns together.

    References
    ----------
    Sohn, Lee & Yan, "Learning Structured Output Representation using Deep Conditional Generative
    Models", NeurIPS 2015.
    Kingma et al., "Semi-supervised Learning with Deep Generative Models", NeurIPS 2014.

    Notes
    -----
    `transform` gives codes that `inverse_transform` can decode: the means of :math:`z`,
    `n_components_` columns, and after them the condition as the networks see it (scaled numbers,
    one-hot columns, embeddings, masks of missing cells); `get_feature_names_out` names them. The
    first columns are what the condition does not tell. Reconstructions have the condition as the
    networks see it, in float32: the mean or the most frequent class where it was missing, or is a
    rare or new category.

    Scores are of the other columns, given these: cells of the condition count in no loss and no
    score. In `feature_contributions` they have a share in the divergence of the code, which depends
    on them, too.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import ConditionalVAE
    >>> frame = load_iris(as_frame=True).frame.astype({{"target": "category"}})
    >>> vae = ConditionalVAE(2, condition=["target"], max_epochs=30, random_state=0).fit(frame)
    >>> drawn = vae.sample(200, random_state=0, condition=frame[["target"]].iloc[[0, -1]])
    >>> lengths = drawn.groupby("target", observed=True)["petal length (cm)"].mean()
    >>> bool(lengths[0] < 3 < 4 < lengths[2])
    True
    """

    _parameter_constraints: dict = {**VAE._parameter_constraints, "condition": ["array-like", None]}

    @parameters_of(VAE, VAE_DEFAULTS)
    def __init__(self, n_components="auto", *, condition=None, **inherited):
        super().__init__(n_components, **inherited)
        self.condition = condition

    # ---- which columns are given ----

    def _choose_columns(self):
        self.condition_, n_features = self._given_columns(), self._encoder.schema_.n_features
        if len(self.condition_) and self.input_shape is not None:
            raise ValueError(
                "condition names columns of a table, but under input_shape all columns are pixels. "
                "Set one of them to None."
            )
        if len(self.condition_) == n_features:
            raise ValueError(
                f"condition names all {n_features} columns of X, so that none is left to learn. "
                "Leave out those that are to be drawn or scored."
            )

    def _continue(self, n_rows):
        if not np.array_equal(self._given_columns(), self.condition_):
            labels = self._encoder.column_labels
            raise ValueError(
                f"condition={self.condition!r}, but the network that goes on is told the columns "
                f"{[labels[i] for i in self.condition_]}. Set condition back, or fit with "
                "warm_start=False."
            )
        super()._continue(n_rows)

    def _given_columns(self):
        encoder = self._encoder
        names = encoder.names_ if encoder.frame_library_ else []
        wanted = () if self.condition is None else self.condition
        chosen = chosen_columns(wanted, names, encoder.schema_.n_features, "condition")
        return np.flatnonzero(chosen)

    def _needs_inputs(self):
        return True  # the decoder is told what the table's input makes of the condition

    def _table_input(self, like=None):
        inputs = super()._table_input(like)
        self._n_condition = len(inputs.places_of(self.condition_))
        return inputs

    def _table_likelihood(self):
        return MixedColumns(self._encoder.schema_, get_likelihood(self.loss), self.condition_)

    @property
    def _code_width(self):
        return self.n_components_ + self._n_condition

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : None
            Ignored; present for scikit-learn.

        Returns
        -------
        ndarray of str of shape (n_codes,)
            Those of the code are the name of the class and a number; those of the condition the
            name of the column and, where there are several, the part of it.
        """
        codes = super().get_feature_names_out(input_features)[: self.n_components_]
        labels = self.module_.inputs.labels
        told = [self._name(*labels[j]) for j in self.module_.condition.tolist()]
        return np.array([*codes, *told], dtype=object)

    def _name(self, i, part):
        """Name of what the networks see of a column."""
        encoder = self._encoder
        name, kind = encoder.column_labels[i], encoder.schema_.columns[i].kind
        if part == 0 and kind in ("numeric", "boolean"):
            return str(name)
        return "_".join(map(str, [name, *(part if isinstance(part, tuple) else [part])]))

    # ---- the network as it starts ----

    def _joined(self, encoder, decoder, inputs, generator):
        n_scales = self._likelihood.n_scales(self._widths(inputs)[1])
        return ConditionalAutoEncoder(
            encoder, decoder, self.n_components_, n_scales, inputs, self.condition_.tolist()
        )

    def _principal_axes(self, inputs, rows, sample_weight):
        """Those of the columns that are not given; nothing else is to be decoded."""
        learned = np.ones(inputs.n_values, dtype=bool)
        learned[[j for j in inputs.places_of(self.condition_).tolist() if j < len(learned)]] = False
        values = partial(self._start_values, inputs, rows, filled=True)
        pca = principal_axes(
            rows.X, lambda X: values(X)[:, learned], self.n_components_, sample_weight
        )
        return pca.spread(learned)

    # ---- reconstructions and scores ----

    def _decoded(self, module, likelihood, code):
        return module.with_given(super()._decoded(module, likelihood, code), code)

    def _sample_rows(self, codes):
        return self.module_.with_given(super()._sample_rows(codes), codes)

    def _log_units(self, x):
        units = super()._log_units(x)
        units[:, self.condition_] = 0.0
        return units

    # ---- new rows ----

    def sample(self, n_samples=1, random_state=None, condition=None):
        """Draw rows like those of training, or for given conditions.

        Parameters
        ----------
        n_samples : int, default=1
            How many; for each row of `condition`, where there is one.
        random_state : int, RandomState or None, default=None
            The same number gives the same rows.
        condition : {DataFrame, array-like} of shape (n_conditions, n_given), default=None
            Values of the columns that are given, in original units; a data frame may have other
            columns, too. None draws conditions of training rows, of which at most 2 000 are
            remembered (after `partial_fit` those of the last rows), and saved with the estimator.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features) or (n_conditions * n_samples, \
n_features)
            Rows in original units, as :meth:`VAE.sample` returns them, with the condition as it was
            given; no cell is missing: a condition that is becomes the mean or the most frequent
            class. Rows of one condition are neighbours. A category that `fit` did not see comes
            back, too, but the network knows nothing of it: other columns are drawn as for a rare
            one.
        """
        check_is_fitted(self)
        check_count(n_samples, "n_samples")
        if condition is None:
            random_state = check_random_state(random_state)
            given = self._drawn_conditions(n_samples, random_state)
        else:
            given = self._check_condition(condition)
            given = given.take(np.arange(len(given)).repeat(n_samples))
        table = self._with_unknown(given)
        encoded = self._encoder.transform(table)
        drawn = self._drawn_rows(partial(self._codes_given, encoded), random_state)
        return self._with_cells(drawn, table, encoded)

    def _with_cells(self, drawn, table, encoded):
        """Drawn rows with the cells of the condition themselves, not as networks see them."""
        missing = np.isnan(encoded)[:, self._encoder.schema_.first_parts]
        given = np.isin(np.arange(missing.shape[1]), self.condition_)
        complete = fill_cells(table, drawn, missing & given)
        return fill_cells(drawn, complete, np.broadcast_to(given, missing.shape))

    def _sample_codes(self, n_samples):
        seed = torch.randint(2**32, ()).item()
        given = self._drawn_conditions(n_samples, check_random_state(seed))
        return self._codes_given(self._encoder.transform(self._with_unknown(given)))

    def _log_prior(self, codes):
        """Log-densities of the codes, given the conditions that follow them."""
        return super()._log_prior(codes[:, : self.n_components_])

    def _codes_given(self, encoded):
        """Draw codes for conditions (n_samples, n_encoded)."""
        module = self.module_
        seen = module.seen(module.prepare(torch.as_tensor(encoded, device=module.condition.device)))
        return module.joined(super()._sample_codes(len(seen)), seen)

    def _check_condition(self, condition):
        """The given columns, as a DataFrame of pandas."""
        labels = self._encoder.column_labels
        names = [labels[i] for i in self.condition_]
        if not names:
            raise ValueError(
                "sample got a condition, but no column was named as one: fit with "
                f"{type(self).__name__}(condition=[...])."
            )
        if frame_library(condition):
            if absent := [name for name in names if name not in condition.columns]:
                raise ValueError(
                    f"condition lacks the column {absent[0]!r}. It takes a data frame with the "
                    f"columns {names}."
                )
            columns = as_pandas(condition[names])
        else:
            shape = np.shape(condition)
            if len(shape) != 2 or shape[1] != len(names):
                raise ValueError(
                    f"condition must be of shape (n_conditions, {len(names)}), one column for each "
                    f"of {names}. Got shape {shape} instead."
                )
            # as an array, words beside numbers in a list would make words of these
            columns = pd.DataFrame(condition).infer_objects().set_axis(names, axis=1)
        given = pd.DataFrame(columns)
        for i in self.condition_:
            self._check_whole(self._encoder.schema_.columns[i], given[labels[i]])
        return given

    @staticmethod
    def _check_whole(column, values):
        """Refuse fractions for a column of integers, which would be rounded."""
        if not pd.api.types.is_integer_dtype(column.dtype):
            return
        fractions = pd.to_numeric(values, errors="coerce") % 1
        if (broken := values[fractions.gt(0).to_numpy(dtype=bool, na_value=False)]).size:
            raise ValueError(
                f"condition has {broken.iloc[0]!r} for the column {column.name!r}, which holds "
                "integers. Give a whole number, or fit on a column of floats."
            )

    def _with_unknown(self, given):
        """Rows of the table of which nothing but the given columns is known."""
        frame = given.reindex(columns=self._encoder.column_labels)
        if library := self._encoder.frame_library_:
            return in_library(frame, library)
        return frame.to_numpy(dtype=np.float64)

    def _drawn_conditions(self, n_samples, rng):
        """Given columns of training rows, (n_samples, n_given), a DataFrame of pandas."""
        given, weight = self._remembered
        return given.take(rng.choice(len(given), n_samples, p=weight))

    def _fit_table(self, X, sample_weight, stream=0):
        table = super()._fit_table(X, sample_weight, stream)
        self._remembered = self._conditions(X.values if X.in_chunks else [X.values], table)
        return table

    def _conditions(self, chunks, table):
        """Given columns of rows that count, evenly spaced, in their own types, and their shares."""
        chosen = np.flatnonzero(table.counting)
        chosen = chosen[:: -(-len(chosen) // MOST_CONDITIONS)]
        parts, start = [], 0
        for chunk in chunks:
            rows = chosen[(start <= chosen) & (chosen < start + len(chunk))] - start
            parts.append(self._given_cells(chunk, rows))
            start += len(chunk)
        weight = np.ones(len(chosen)) if table.weight is None else table.weight[chosen]
        return pd.concat(parts, ignore_index=True), weight / weight.sum()

    def _given_cells(self, X, rows):
        names = [self._encoder.column_labels[i] for i in self.condition_]
        if frame_library(X):
            return as_pandas(X[names]).take(rows)  # polars' other columns are not converted
        return pd.DataFrame(np.asarray(X)[rows][:, self.condition_], columns=names)
