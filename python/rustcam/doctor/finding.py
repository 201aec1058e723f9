"""The results of an examination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

OK, NOTE, PROBLEM = "ok", "note", "problem"


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    about: str
    """The subject: `python`, `session`, a backend or an output."""
    level: str
    """`"ok"`, `"note"` (good to know) or `"problem"` (something does not work)."""
    message: str
    """The result as a sentence."""
    advice: str = ""
    """What to do about it, empty if there is nothing to do."""
    data: dict[str, Any] = field(default_factory=dict)
    """The result as values for programs."""


@dataclass(frozen=True)
class Report:
    """All results."""

    facts: dict[str, Any]
    """Versions, for bug reports. They hold no personal data."""
    findings: Sequence[Finding]

    @property
    def healthy(self) -> bool:
        """Whether no finding is a problem."""
        return all(finding.level != PROBLEM for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as values for `json.dumps`."""
        return {**self.facts, "healthy": self.healthy, "findings": [asdict(finding) for finding in self.findings]}
