"""Functions that take settings, as programs see them that complete their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from propload.options import Settings

Taker = TypeVar("Taker", bound=Callable[..., Any])


class _NotGiven:
    """What a setting is that is not given: the configuration's, or the default."""

    def __repr__(self) -> str:
        return "..."


def names_settings(function: Taker, /) -> Taker:
    """Return a function that takes `**settings`, with a signature that names each.

    Type checkers, and editors with them, know the names from `Settings`; notebooks
    and IPython complete those of the signature alone.
    """
    own = inspect.signature(function)
    *first, settings = own.parameters.values()
    named = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_NotGiven(),
            annotation=getattr(kind, "__forward_arg__", kind),
        )
        for name, kind in Settings.__annotations__.items()
    ]
    vars(function)["__signature__"] = own.replace(parameters=[*first, *named, settings])
    return function
