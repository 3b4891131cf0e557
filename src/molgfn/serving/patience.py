"""When failures of oracles end a run."""

from __future__ import annotations

from molgfn.serving.answers import Failure
from molgfn.serving.faults import OracleFault
from molgfn.serving.panel import Panel
from molgfn.serving.questions import Question
from molgfn.serving.settings import Scoring


class Patience:
    """Ends a run at the first failure where none is borne, or at as many in a row as say that an oracle is broken.

    Oracles that are asked apart are counted apart, too: one that fails for all objects is broken whatever the others
    say.

    Args:
        panel: the oracles.
        scoring: ``on_failure`` and ``give_up`` of it.
    """

    def __init__(self, panel: Panel, scoring: Scoring) -> None:
        self.panel, self.scoring = panel, scoring
        self._in_vain = 0  # different objects asked for since the last that got a value
        self._lacking = [0] * len(panel.entries)  # the same for each oracle that is asked apart

    def begin_anew(self) -> None:
        """Somebody had values."""
        self._in_vain = 0
        self._lacking = [0] * len(self._lacking)

    def hear(self, question: Question) -> None:
        """What came of an object that was asked for.

        Raises:
            OracleFault: the run ends.
        """
        failure = question.failure
        if failure is None:
            self._in_vain = 0
        else:
            self._stop_if_asked(failure, question)
            self._in_vain += 1
            self._give_up_after(self._in_vain, self.panel.name, failure, question)
        if not self.panel.apart:
            return
        for place in range(len(self._lacking)):  # not by ``wanted``: only the rank that asked knows it
            lacking = question.lacking.get(place)
            if lacking is None and failure is None:
                self._lacking[place] = 0
            elif lacking is not None:
                self._stop_if_asked(lacking, question)
                self._lacking[place] += 1
                self._give_up_after(self._lacking[place], self.panel.entries[place].oracle.name, lacking, question)

    def _stop_if_asked(self, failure: Failure, question: Question) -> None:
        if self.scoring.on_failure == "stop":
            raise OracleFault(f"{failure.message} for {question.key}; scoring.on_failure=floor would go on")

    def _give_up_after(self, in_vain: int, name: str, failure: Failure, question: Question) -> None:
        if in_vain == self.scoring.give_up:
            raise OracleFault(
                f"oracle {name}: {in_vain} different objects in a row got no value, the last one "
                f"({question.key}) because: {failure.message}. If it is meant to have none for so many, "
                "scoring.give_up=null goes on"
            )
