"""Fingerprints of Python objects: whether two mappings or schemas mean the same.

They cover what Python runs (code, what that refers to, an object's state), and no
address or time, so that another process on another machine computes the same.
"""

from __future__ import annotations

import dis
import hashlib
import sys
import sysconfig
from collections import abc
from copyreg import dispatch_table
from functools import cache, cached_property
from pathlib import Path
from types import (
    CellType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Most values that are visited, and most bytes of a data frame among them. An object
#: that holds more has no fingerprint, rather than delaying every run.
MOST_VALUES = 100_000
MOST_BYTES = 64 << 20
#: Packages that are identified by their version, like the standard library.
VERSIONED = frozenset({"propload", "propload_spiders", "polars", "pandera"})
_INSTALLED = {Path(sysconfig.get_path(one)) for one in ("purelib", "platlib")}
_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...))
#: Precedes a Python function in a serialized Polars expression, which holds only its
#: name.
_FUNCTION_MARK = b"PLPYFN"
#: Attributes of a class that hold its location, or that Python adds.
_NO_CONTENT = frozenset(
    {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__"}
    | {"__firstlineno__", "__static_attributes__", "__annotations_cache__", "_abc_impl"}
)
#: What Python adds to a class without annotations when somebody asks for them: the
#: first up to version 3.13, the other from 3.14 on.
_ADDED_EMPTY = frozenset({"__annotations__", "__annotate_func__"})
#: Closure cell in which Python 3.14 and newer look up a class's annotations: the class
#: namespace, which includes its line number.
_CLASS_NAMES = "__classdict__"


class _UnknownContentError(Exception):
    """What an object holds cannot be determined."""


def object_fingerprint(value: object, /) -> str | None:
    """Return a hash that differs if two objects may mean different things.

    None if what an object holds cannot be determined: a lock, a connection, an
    expression that calls a Python function.

    Args:
        value: A mapping, a schema, or a part of one.
    """
    try:
        return _Hasher().hash_of(value).hex()
    # reading an object's state may run the user's own code
    except Exception:  # noqa: BLE001
        return None


class _Hasher:
    """Hashes objects, each only once, including those that refer to themselves."""

    def __init__(self) -> None:
        # holds the objects as well, so that no id() is used again
        self._hashes: dict[int, tuple[object, bytes]] = {}
        self._visited = 0

    def hash_of(self, value: object) -> bytes:
        """Return the hash of an object.

        Raises:
            _UnknownContentError: What it holds cannot be determined.
        """
        self._visited += 1
        if self._visited > MOST_VALUES:
            raise _UnknownContentError
        if type(value) in _ATOMS:
            return _hash_parts(type(value).__name__.encode(), repr(value).encode())
        known = self._hashes.get(id(value))
        if known is not None:
            return known[1]
        self._hashes[id(value)] = (value, b"itself")
        computed = self._compute_hash(value)
        self._hashes[id(value)] = (value, computed)
        return computed

    def _compute_hash(self, value: object) -> bytes:
        if type(value) is dict:
            pairs = (
                _hash_parts(self.hash_of(k), self.hash_of(v)) for k, v in value.items()
            )
            return _hash_parts(b"dict", *sorted(pairs))
        if isinstance(value, (set, frozenset)):
            return _hash_parts(b"set", *sorted(map(self.hash_of, value)))
        if type(value) is list or type(value) is tuple:
            return _hash_parts(b"list", *map(self.hash_of, value))
        for kind, parts in _PARTS_BY_TYPE:
            if isinstance(value, kind):
                return _hash_parts(
                    kind.__name__.encode(), *map(self.hash_of, parts(value))
                )
        return _hash_parts(b"object", *map(self.hash_of, _state(value)))


def _hash_parts(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _expression(value: pl.Expr) -> Iterator[object]:
    serialized = value.meta.serialize()
    if _FUNCTION_MARK in serialized:
        raise _UnknownContentError
    yield serialized


def _frame(value: pl.DataFrame) -> Iterator[object]:
    if value.estimated_size() > MOST_BYTES:
        raise _UnknownContentError
    yield value.rechunk().serialize()


def _function(value: FunctionType) -> Iterator[object]:
    yield (_closure(value), value.__defaults__, value.__kwdefaults__)
    if (source := _module_identity(value.__module__)) is not None:
        yield (value.__qualname__, source)
        return
    yield value.__code__
    codes = list(_codes(value.__code__))
    names = {name for code in codes for name in _global_names(code)}
    others = {name for code in codes for name in code.co_names}
    for name in sorted(names & value.__globals__.keys()):
        referenced = value.__globals__[name]
        yield (name, referenced)
        if (
            isinstance(referenced, ModuleType)
            and _module_identity(referenced.__name__) is None
        ):
            contents = vars(referenced)
            yield {other: contents[other] for other in others & contents.keys()}


def _closure(value: FunctionType) -> tuple[CellType, ...] | None:
    """Return the cells of a function's closure, without the class namespace."""
    cells = value.__closure__
    if cells is None:
        return None
    names = value.__code__.co_freevars
    pairs = zip(names, cells, strict=True)
    return tuple(cell for name, cell in pairs if name != _CLASS_NAMES)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_NAME" or "GLOBAL" in instruction.opname:
            yield str(instruction.argval)


def _code(value: CodeType) -> Iterator[object]:
    yield (value.co_code, value.co_exceptiontable, value.co_flags)
    yield (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount)
    yield (value.co_consts, value.co_names, value.co_varnames)
    yield (value.co_freevars, value.co_cellvars)


def _class(value: type) -> Iterator[object]:
    if (source := _module_identity(value.__module__)) is not None:
        yield (value.__qualname__, source)
        return
    to_schema = getattr(value, "to_schema", None)
    if to_schema is not None:
        # a pandera model, whose class also caches what was derived from it
        yield to_schema()
        return
    yield value.__bases__
    for name, attribute in vars(value).items():
        is_added = name in _ADDED_EMPTY and not attribute
        if name not in _NO_CONTENT and not is_added:
            yield (name, attribute)


def _cell(value: CellType) -> Iterator[object]:
    try:
        yield value.cell_contents
    except ValueError:
        yield "empty"


def _state(value: object) -> Iterable[object]:
    """Return the parts from which pickle would restore an object.

    Raises:
        _UnknownContentError: It would be restored by its name alone.
    """
    home = type(value).__module__
    if home.startswith("pandera.") and isinstance(name := _name(value), str):
        # a built-in check, whose registered functions depend on what is imported
        return (type(value), name)
    reducer = dispatch_table.get(type(value))
    reduced = reducer(value) if reducer else value.__reduce_ex__(4)
    if not isinstance(reduced, str):
        return [list(one) if isinstance(one, abc.Iterator) else one for one in reduced]
    wrapped = getattr(value, "__wrapped__", None)
    if (
        wrapped is None
        and _module_identity(getattr(value, "__module__", None) or home) is None
    ):
        raise _UnknownContentError
    return (type(value), reduced, wrapped)


def _name(value: object) -> object:
    return getattr(value, "__name__", None)


def _module_identity(module: str | None) -> object:
    """Return what identifies a library module, or None if it is the user's own.

    An installed module is identified by the Python files in its folder.
    """
    name = module or ""
    top = name.partition(".")[0]
    if top in VERSIONED or top in sys.stdlib_module_names:
        return name
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or not any(Path(file).is_relative_to(one) for one in _INSTALLED):
        return None
    return (name, _hash_folder(Path(file).parent))


@cache
def _hash_folder(folder: Path) -> bytes:
    return _hash_parts(*(one.read_bytes() for one in sorted(folder.glob("*.py"))))


_PARTS_BY_TYPE: tuple[tuple[type, Callable[..., Iterable[object]]], ...] = (
    (pl.Expr, _expression),
    (pl.DataFrame, _frame),
    (pl.Series, lambda one: (one.to_frame(),)),
    (FunctionType, _function),
    (MethodType, lambda one: (one.__func__, one.__self__)),
    (CodeType, _code),
    (CellType, _cell),
    (ModuleType, lambda one: (one.__name__, _module_identity(one.__name__))),
    (type, _class),
    (property, lambda one: (one.fget,)),
    (cached_property, lambda one: (one.func,)),
    (staticmethod, lambda one: (one.__func__,)),
    (classmethod, lambda one: (one.__func__,)),
    (MappingProxyType, lambda one: (dict(one),)),
)
