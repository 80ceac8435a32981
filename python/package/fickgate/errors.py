"""What is raised where a pickle is refused."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .report import Finding


class UnsafePickleWarning(UserWarning):
    """A pickle that the policy does not let in was loaded all the same, as `mode="warn"` asks for."""


class UnsafePickle(pickle.UnpicklingError):
    """A pickle that the policy does not let in. Nothing of it was imported or run.

    `findings` are the findings that refuse it, the first of which the message tells. It is empty where the exception
    came from another process, which sends the message alone.
    """

    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, findings: tuple[Finding, ...]) -> UnsafePickle:
        """Puts the findings into words."""
        first, more = findings[0], len(findings) - 1
        error = cls(f"{first}" + (f"\n  and {more} more" if more else ""))
        error.findings = findings
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        """The message is enough for another process."""
        return (type(self), self.args)
