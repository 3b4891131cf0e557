"""Every environment as Gymnasium environments, single and vectorised, registered by name.

Importing this room registers them; ``gymnasium.make("molgfn.gym:molgfn/HyperGrid-v0")`` imports it, too. Needs the
extra ``gymnasium``.
"""

from molgfn.gym.registry import ids, register

register()

__all__ = ["ids", "register"]
