"""Callbacks: skorch's, given by the user, and scikit-learn's, set on the estimator."""

from contextlib import contextmanager

from sklearn.base import clone
from skorch.callbacks import Callback

from skae.training._net import StopTraining


def clone_callbacks(callbacks):
    """Check and copy skorch callbacks: those of the user are never changed by a fit.

    Parameters
    ----------
    callbacks : None or list
        Of callbacks: instances, classes, or pairs (name, instance or class).

    Returns
    -------
    list
        The same, with copies of the instances.

    Raises
    ------
    TypeError
        If an entry is no skorch callback.
    """
    return [_clone_callback(item) for item in callbacks or []]


def _clone_callback(item):
    if isinstance(item, tuple | list) and len(item) == 2:
        name, callback = item
        return name, _clone_callback(callback)
    if isinstance(item, type) and issubclass(item, Callback):
        return item()
    if isinstance(item, Callback):
        return clone(item)
    raise TypeError(
        "callbacks must be a list of skorch callbacks (instances, classes, or pairs of a name and "
        f"one of these). Got {item!r}. Callbacks of scikit-learn are set with set_callbacks()."
    )


@contextmanager
def sklearn_callbacks(estimator, X, max_epochs, fitted_attributes):
    """Report a fit to the callbacks of scikit-learn (``sklearn.callback``), where it has any.

    Parameters
    ----------
    estimator : estimator
        The one that is being fitted.
    X : array-like
        What `fit` was given.
    max_epochs : int
        Length of the progress bar.
    fitted_attributes : callable
        Returns the attributes of the estimator as if training ended at the moment.

    Yields
    ------
    list
        Skorch callbacks that report each epoch.
    """
    if not hasattr(estimator, "_init_callback_context"):  # scikit-learn < 1.9
        yield []
        return
    context = estimator._init_callback_context(max_subtasks=max_epochs)
    context.call_on_fit_task_begin(estimator=estimator, X=X)
    yield [_EpochTasks(estimator, context, X, fitted_attributes)]
    context.call_on_fit_task_end(
        estimator=estimator, X=X, reconstruction_attributes=fitted_attributes
    )


class _EpochTasks(Callback):
    """Each epoch is a subtask of the fit."""

    def __init__(self, estimator, context, X, fitted_attributes):
        self.estimator = estimator
        self.context = context
        self.X = X
        self.fitted_attributes = fitted_attributes

    def on_epoch_begin(self, net, **kwargs):
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(estimator=self.estimator, X=self.X)

    def on_epoch_end(self, net, **kwargs):
        stop = self.task_.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            reconstruction_attributes=self.fitted_attributes,
        )
        if stop:
            raise StopTraining
