"""The candidates of a round: what several proposers make, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from molgfn.acquisition.known import Known
from molgfn.acquisition.proposers.base import Ask, Proposer
from molgfn.errors import ConfigError
from molgfn.objects.base import ObjectKind

#: where a config has them
PLACE = "candidates.proposers"


@dataclass(frozen=True)
class Pool:
    """Different candidates, none of them known.

    Attributes:
        objects: a batch [n].
        keys: of them.
        sources: the name of the proposer that made each first.
    """

    objects: Any
    keys: list[str]
    sources: list[str]

    def __len__(self) -> int:
        return len(self.keys)


class Candidates:
    """Several proposers by name, asked one after the other; of equal candidates that of the first counts.

    Args:
        proposers: by name; None as a proposer leaves it out.

    Raises:
        ConfigError: none is left.
    """

    def __init__(self, *, proposers: Mapping[str, Proposer | None]) -> None:
        self.by_name = {name: proposer for name, proposer in proposers.items() if proposer is not None}
        if not self.by_name:
            raise ConfigError("proposers: there is none; name one, such as `graph_ga`")

    @property
    def reads_policy(self) -> bool:
        """One of them draws from the sampler that learns."""
        return any(proposer.reads_policy for proposer in self.by_name.values())

    def misfits(self, kind: ObjectKind, *, policy: bool, begun: bool) -> list[str]:
        """What cannot work, one line each.

        Args:
            kind: of the objects that the oracle measures.
            policy: a sampler learns in the loop.
            begun: something is known before the first round.
        """
        found = [f"{PLACE}.{n}: {reason}" for n, p in self.by_name.items() if (reason := p.misfit(kind))]
        found += [
            f"{PLACE}.{n}: draws from the sampler of the loop, and there is none; choose a policy, or give it a `run`"
            for n, p in self.by_name.items()
            if p.reads_policy and not policy
        ]
        if not begun and not any(proposer.begins for proposer in self.by_name.values()):
            found.append(
                f"{PLACE}: {', '.join(self.by_name)} need something that is known, and there is nothing before the "
                "first round; add `given` molecules, a policy, or a prescreen"
            )
        return found

    def prepare(self) -> None:
        """Read what the proposers read."""
        for proposer in self.by_name.values():
            proposer.prepare()

    def propose(self, known: Known, ask: Callable[[str], Ask]) -> Pool:
        """The candidates of a round; ``ask`` gives each proposer, by its name, what it reads."""
        kind = known.kind
        batches, keys, sources, seen = [], [], [], set()
        for name, proposer in self.by_name.items():
            objects = proposer.propose(ask(name))
            if not len(objects):
                continue
            own, problems, rows = kind.keys(objects), kind.problems(objects), []
            for row, (key, problem) in enumerate(zip(own, problems, strict=True)):
                if problem is None and key not in known and key not in seen:
                    seen.add(key)
                    rows.append(row)
            batches.append(kind.take(objects, rows))
            keys += [own[row] for row in rows]
            sources += [name] * len(rows)
        full = [batch for batch in batches if len(batch)]
        return Pool(kind.cat(full) if full else [], keys, sources)
