"""How many threads the numerical libraries use: one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the libraries below scikit-learn and numpy work in this thread only.

    Threads of OpenMP wait for each other in busy loops: where there are more jobs than processors,
    a fit of seconds takes minutes. Jobs are what runs in parallel here. One thread also adds up in
    the same order each time.
    """
    import sklearn.ensemble  # noqa: F401  (so that its libraries are loaded, and are limited)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
