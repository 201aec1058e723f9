"""What an examination finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

OK, NOTE, PROBLEM = "ok", "note", "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    """What it concerns: `python`, `session`, a backend or an output."""
    level: str
    """`"ok"`, `"note"` (good to know) or `"problem"` (something does not work)."""
    message: str
    """What was found."""
    advice: str = ""
    """What to do about it, empty if there is nothing to do."""
    data: dict[str, Any] = field(default_factory=dict)
    """The same for programs."""


@dataclass(frozen=True)
class Report:
    """Everything that was found."""

    facts: dict[str, Any]
    """Versions, for bug reports. Nothing in them names the user."""
    findings: Sequence[Finding]

    @property
    def healthy(self) -> bool:
        """Whether no finding is a problem."""
        return all(finding.level != PROBLEM for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**self.facts, "healthy": self.healthy, "findings": [asdict(finding) for finding in self.findings]}
