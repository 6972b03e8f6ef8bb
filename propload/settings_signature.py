"""Signatures that name each setting, for programs that complete the names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

Taker = TypeVar("Taker", bound=Callable[..., Any])


class _NotGiven:
    """The default value in a signature; its repr stands for whatever is configured."""

    def __repr__(self) -> str:
        return "..."


def names_settings(kind: type, /) -> Callable[[Taker], Taker]:
    """Return a decorator that names each setting in a signature with `**settings`.

    Type checkers, and editors that use one, know the names from the type of the
    settings; notebooks and IPython complete only names in the signature.

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
