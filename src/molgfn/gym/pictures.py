"""What a state looks like, as pixels and as text."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from molgfn.environments.base import Environment, States
from molgfn.environments.conditional import fixed_condition, in_words
from molgfn.environments.enumerable import Enumerable
from molgfn.objects.capabilities import HasCoordinates, HasPictures

#: width and height of a picture in pixels
SIZE = (260, 190)


def text(environment: Environment, states: States) -> str:
    """One state [1] in a line: the object that it stands for, else the key by which it is known."""
    if bool(environment.has_object(states)[0]):
        objects = environment.objects(states)
        problem = environment.kind.problems(objects)[0]
        line = environment.kind.keys(objects)[0] if problem is None else f"no object: {problem}"
    elif bool(environment.is_initial(states)[0]):
        line = "(source)"
    else:
        line = str(environment.keys(states)[0]) if isinstance(environment, Enumerable) else "(on the way)"
    values = {name: float(value[0]) for name, value in environment.condition_values(states).items()}
    condition = in_words(values or fixed_condition(environment))
    return f"{line}  [{condition}]" if condition else line


def picture(environment: Environment, states: States) -> np.ndarray:
    """One state [1] as pixels, uint8 [height, width, 3]: a drawing where its kind has one, else its text."""
    kind = environment.kind
    if bool(environment.has_object(states)[0]):
        objects = environment.objects(states)
        if kind.problems(objects)[0] is None:
            if isinstance(kind, HasPictures):
                return _pixels(kind.image(objects[0]))
            if isinstance(kind, HasCoordinates):
                return _board(kind.coordinates(objects)[0], getattr(environment, "side", 0))
    return _page(text(environment, states))


def _pixels(image: Image.Image) -> np.ndarray:
    sheet = Image.new("RGB", SIZE, "white")
    image = image.convert("RGB")
    image.thumbnail(SIZE)
    sheet.paste(image, ((SIZE[0] - image.width) // 2, (SIZE[1] - image.height) // 2))
    return np.array(sheet)


def _page(words: str) -> np.ndarray:
    sheet = Image.new("RGB", SIZE, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    lines = [words[i : i + 30] for i in range(0, len(words), 30)]
    pen.multiline_text((SIZE[0] / 2, SIZE[1] / 2), "\n".join(lines), fill="#343a40", font=font, anchor="mm")
    return np.array(sheet)


def _board(point: np.ndarray, side: int) -> np.ndarray:
    """The first two coordinates on a board, the second upwards; further ones as text."""
    x, y = int(point[0]), int(point[1]) if len(point) > 1 else 0
    width = max(side, x + 1, y + 1)
    height = width if len(point) > 1 else 1
    sheet = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(sheet)
    cell = min((SIZE[0] - 20) / width, (SIZE[1] - 34) / height)
    for i in range(width):
        for j in range(height):
            left, top = 10 + i * cell, 10 + (height - 1 - j) * cell
            fill = "#1c7ed6" if (i, j) == (x, y) else "#e9ecef"
            pen.rectangle((left, top, left + cell - 1, top + cell - 1), fill=fill)
    pen.text((10, SIZE[1] - 18), " ".join(map(str, point)), fill="#343a40", font=ImageFont.load_default(size=12))
    return np.array(sheet)
