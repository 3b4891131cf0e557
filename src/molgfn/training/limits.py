"""What ends a run before its iterations do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """A run ends with the iteration in which the first of them is reached.

    Attributes:
        reward_calls: objects scored, each time that they are; None for no limit.
        gradient_steps: steps of the optimizer, those of P_B and of critics included; None for no limit.
        seconds: of training, what is measured on the way included; None for no limit.
    """

    reward_calls: int | None = None
    gradient_steps: int | None = None
    seconds: float | None = None

    def reached(self, *, reward_calls: int, gradient_steps: int, seconds: float) -> str | None:
        """Which one it is, in words; None while there is something left of each."""
        spent = (
            (reward_calls, self.reward_calls, "reward calls"),
            (gradient_steps, self.gradient_steps, "gradient steps"),
            (seconds, self.seconds, "seconds"),
        )
        return next((f"{most:,} {what}" for done, most, what in spent if most is not None and done >= most), None)

    def __bool__(self) -> bool:
        return any(most is not None for most in (self.reward_calls, self.gradient_steps, self.seconds))
