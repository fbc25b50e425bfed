"""What a board says, as dataclasses: read from messages, each field's type checked, and given back as JSON.

A field's type tells what a message has to hold: `float` takes whole numbers too, `bytes` base64, `NDArray[np.int8]` a list of
numbers, a tuple a list, `Said` an object. A field with a default may be left out.
"""

from __future__ import annotations

import base64
import types
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from watchword.board.link import Message
from watchword.errors import BoardError

_LONGEST = 60  # characters of a wrong value, in an error


@dataclass(frozen=True, kw_only=True)
class Said:
    """Something that a board says.

    said: the message as it came, with what a newer firmware says besides; empty where it came from no board.
    """

    said: Message = field(default_factory=dict, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line: fields in the order of the message, those that it need not have only where they say
        something, and those that only a newer firmware knows."""
        own = {one.name: _default(one) for one in fields(self) if one.name != "said"}
        present = [name for name in own if name in self.said or own[name] is MISSING or own[name] != getattr(self, name)]
        return {name: _json(getattr(self, name)) if name in own else self.said[name] for name in [*self.said, *present]}


S = TypeVar("S", bound=Said)


def read(kind: type[S], message: Message, what: str) -> S:
    """A message as a dataclass. what: the message is, to say. BoardError: a field is missing or of another type."""
    try:
        filled: S = _filled(kind, message)
        return filled
    except ValueError as error:
        raise BoardError(
            f"{what} is damaged, {error}: try again; where it stays so, `watchword flash` puts the firmware on the board anew"
        ) from None


def _filled(kind: Any, message: Message) -> Any:
    """ValueError: says which field is wrong."""
    values: dict[str, Any] = {"said": {name: value for name, value in message.items() if name != "id"}}
    for name, (hint, needed) in _fields(kind).items():
        if name in message:
            try:
                values[name] = _value(message[name], hint)
            except TypeError:
                found = repr(message[name])
                raise ValueError(f"{name} is {found[:_LONGEST]}{'…' if len(found) > _LONGEST else ''}") from None
        elif needed:
            raise ValueError(f"{name} is missing")
    return kind(**values)


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The fields that a message fills: their types, and whether it must hold them."""
    hints = get_type_hints(kind)
    return {one.name: (hints[one.name], _default(one) is MISSING) for one in fields(kind) if one.init and one.name != "said"}


def _value(value: Any, hint: Any) -> Any:
    """A value of JSON as a field's type has it. TypeError: it is of another type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):  # something or None
        return None if value is None else _value(value, arguments[0])
    if origin is tuple and isinstance(value, list):
        parts = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(parts) == len(value):
            return tuple(map(_value, value, parts))
    if origin is dict and isinstance(value, dict):
        return {key: _value(held, arguments[1]) for key, held in value.items()}
    if origin is np.ndarray and isinstance(value, list) and all(type(one) is int and -128 <= one < 128 for one in value):
        return np.array(value, np.int8)
    if origin is None and issubclass(hint, Said) and isinstance(value, dict):
        return _filled(hint, value)
    if hint is float and type(value) is int:
        return float(value)
    if hint is bytes and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            raise TypeError from None
    if origin is None and type(value) is hint:
        return value
    raise TypeError


def _json(value: Any) -> Any:
    """The other way."""
    if isinstance(value, Said):
        return value.as_dict()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    if isinstance(value, dict):
        return {key: _json(held) for key, held in value.items()}
    return value
