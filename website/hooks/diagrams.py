"""Mermaid diagrams as SVG, made when the site is built, in the colours of the page."""

from __future__ import annotations

import html
import re

import mmdr

BLOCK = re.compile(r'<pre class="mermaid"><code>(.*?)</code></pre>', re.DOTALL)
#: what the renderer paints -> what the theme paints with
COLOURS = {
    "#28253D": "var(--md-default-fg-color)",
    "#000000": "var(--md-default-fg-color)",
    "#000": "var(--md-default-fg-color)",
    "#ffffff": "var(--md-default-bg-color)",
    "#BDBCCC": "var(--md-default-fg-color--light)",
    "#F9F9FB": "var(--md-default-bg-color)",
    "rgba(204, 204, 204, 0.5)": "var(--md-default-bg-color)",
    "hsl(-120, 0%, 80%)": "var(--md-default-bg-color)",
}


def diagram(source: str, number: int) -> str:
    """The SVG of a diagram, under an id of its own."""
    svg = mmdr.render(source).svg
    svg = svg() if callable(svg) else svg
    for painted, colour in COLOURS.items():
        svg = re.sub(re.escape(painted) + r"(?![0-9A-Fa-f])", colour, svg)
    # rules for looks that are not used here
    svg = re.sub(r'#merman \[data-look="neo"\]\[data-color-id=[^{]*\{[^}]*\}', "", svg)
    # no smaller than two thirds of its own size: text stays legible, and the frame scrolls
    svg = re.sub(r"max-width:([\d.]+)px", lambda m: f"{m[0]};min-width:{0.62 * float(m[1]):.0f}px", svg, count=1)
    return svg.replace("merman", f"diagram-{number}")


def rendered(page: str) -> str:
    """The page's HTML with its diagrams drawn; a wide one scrolls by itself."""
    numbers = iter(range(1, 1000))
    frame = '<div class="diagram" tabindex="0" role="figure" aria-label="Diagram">'
    return BLOCK.sub(lambda m: f"{frame}{diagram(html.unescape(m[1]), next(numbers))}</div>", page)
