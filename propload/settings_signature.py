"""Functions that take settings, as programs see them that complete their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

Taker = TypeVar("Taker", bound=Callable[..., Any])


class _NotGiven:
    """What a setting is that is not given: the configuration's, or the default."""

    def __repr__(self) -> str:
        return "..."


def names_settings(kind: type, /) -> Callable[[Taker], Taker]:
    """Return what gives a function of `**settings` a signature that names each.

    Type checkers, and editors with them, know the names from the type of the settings;
    notebooks and IPython complete those of the signature alone.

    Args:
        kind: The type of the settings, a `TypedDict`.
    """
    named = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_NotGiven(),
            annotation=annotation,
        )
        for name, annotation in get_type_hints(kind).items()
    ]

    def with_names(function: Taker) -> Taker:
        own = inspect.signature(function)
        *first, settings = own.parameters.values()
        several = own.replace(parameters=[*first, *named, settings])
        vars(function)["__signature__"] = several
        return function

    return with_names
