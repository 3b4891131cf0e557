"""How text that Hydra would read as its own syntax is written on the command line."""

from __future__ import annotations

import re
import shlex

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

#: characters of SMILES, SMARTS and paths that mean something else in an override
SPECIAL = frozenset("#[]()=+/\\@:,{}~?*'\"$&;!|<>")


def quoted(key: str, text: str) -> str | None:
    """``key=value`` as one word for a shell, so that the value is ``text``; None where no quoting does it."""
    # the plainest form first: most texts need no backslash
    for candidate in (text, text.replace('"', '\\"'), text.replace("\\", "\\\\").replace('"', '\\"')):
        word = f'{key}="{candidate}"'
        try:
            value = OverridesParser.create().parse_override(word).value()
        except HydraException:
            continue
        if value == text:
            return shlex.quote(word)
    return None


def hint(line: str) -> str:
    """What to type instead of an override that could not be read, or was read as something else."""
    key, equals, value = line.partition("=")
    if not equals or (value.isascii() and not SPECIAL.intersection(value)) or value.startswith(('"', "'")):
        return ""
    if (word := quoted(key, value)) is None:
        return ""
    text = f"; text with special characters is quoted twice: {word}"
    texts = ",".join(f'"{text}"' for text in _listed(value))
    return f"{text}, or for a list of texts '{key}=[{texts}]'" if texts else text


def _listed(value: str) -> list[str]:
    """The texts between the brackets of ``[a,b(c,d)]``; empty where the outer brackets are not those of a list."""
    if not re.fullmatch(r"\[.+\]", value):
        return []
    texts, depth = [""], 0
    for letter in value[1:-1]:
        depth += (letter in "[(") - (letter in "])")
        if depth < 0:
            return []
        if letter == "," and depth == 0:
            texts.append("")
        else:
            texts[-1] += letter
    return [text.strip() for text in texts] if depth == 0 else []
