"""For the documentation: shows functions of the stub that are overloaded, as their last overload, which has the text.

A stub has no implementation of such a function, and only implementations are members of a module for Griffe.
"""

from __future__ import annotations

from typing import Any

import griffe


class Overloads(griffe.Extension):
    """Makes members of overloads."""

    def on_module_members(self, *, mod: griffe.Module, **_: Any) -> None:
        complete(mod)

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        complete(cls)


def complete(parent: griffe.Module | griffe.Class) -> None:
    for name, overloads in parent.overloads.items():
        if overloads and name not in parent.members:
            *others, last = overloads
            last.overloads = others
            parent.set_member(name, last)
