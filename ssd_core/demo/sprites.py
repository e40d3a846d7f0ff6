"""Things to put in a scene: one painter per COCO category, each recognisable by its shape and colours."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ssd_core.demo.draws import Draws, direction, pixel

Colour = tuple[int, int, int]
Point = tuple[float, float]

_OVERSAMPLING = 3
_LARGE = 120  # pixels from which less oversampling is enough
_OPAQUE = 128  # alpha from which a pixel belongs to the object

WHITE: Colour = (238, 238, 234)
BLACK: Colour = (26, 26, 30)


class Brush:
    """Draws on a canvas whose width and height both run from 0 to 1; line widths are fractions of the shorter side."""

    def __init__(self, width: int, height: int) -> None:
        self.canvas = Image.new("RGBA", (width, height))
        self._draw = ImageDraw.Draw(self.canvas)
        self._width, self._height = width, height

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon(self._pixels(points), fill=(*fill, 255))

    def rectangle(self, left: float, top: float, right: float, bottom: float, fill: Colour, radius: float = 0) -> None:
        """A filled rectangle with corners rounded by `radius`."""
        corners = self._pixels([(left, top), (right, bottom)])
        self._draw.rounded_rectangle(corners, radius * min(self._width, self._height), fill=(*fill, 255))

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float, fill: Colour) -> None:
        """A filled ellipse about (x, y)."""
        box = self._pixels([(x - radius_x, y - radius_y), (x + radius_x, y + radius_y)])
        self._draw.ellipse(box, fill=(*fill, 255))

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        """A line through the points, `width` thick."""
        thickness = max(1, round(width * min(self._width, self._height)))
        self._draw.line(self._pixels(points), fill=(*fill, 255), width=thickness, joint="curve")

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return [pixel(x * (self._width - 1), y * (self._height - 1)) for x, y in points]


@dataclass(frozen=True)
class Kind:
    """How one category looks: its painter, width over height (lowest, highest), and how far it turns, in degrees."""

    paint: Callable[[Brush, Draws], None]
    aspect: tuple[float, float] = (0.92, 1.08)
    turn: float = 12.0


def draw_sprite(name: str, size: int, draws: Draws) -> np.ndarray:
    """Draw one object of category `name`, about sqrt(width * height) = `size` pixels, cropped to what it covers.

    Returns uint8 [height, width, 4] RGBA. Alpha is 0 outside the object and at least 128 inside it.
    """
    kind = KINDS[name]
    aspect = draws.ratio(*kind.aspect)
    width, height = size * math.sqrt(aspect), size / math.sqrt(aspect)
    oversampling = _OVERSAMPLING - 1 if size > _LARGE else _OVERSAMPLING
    brush = Brush(round(width * oversampling), round(height * oversampling))
    kind.paint(brush, draws)
    turn = draws.uniform(-kind.turn, kind.turn)
    turned = brush.canvas.rotate(turn, resample=Image.Resampling.BILINEAR, expand=True)
    pixels = np.array(turned.reduce(oversampling))
    covered = pixels[..., 3] >= _OPAQUE
    pixels[~covered] = 0
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _lit(pixels, draws)


def _lit(pixels: np.ndarray, draws: Draws) -> np.ndarray:
    """Light from one side, and a little grain."""
    height, width = pixels.shape[:2]
    cosine, sine = direction(draws.uniform(0, 2 * math.pi))
    across, down = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    light = 1 + draws.uniform(0.05, 0.22) * (cosine * across + sine * down)
    light = light * draws.uniform(0.85, 1.1) + 0.02 * draws.bell(height, width)
    pixels[..., :3] = np.clip(pixels[..., :3] * light[..., None], 0, 255)
    return pixels


def _near(colour: Colour, draws: Draws, spread: int = 22) -> Colour:
    red, green, blue = (min(max(level + draws.integer(-spread, spread + 1), 0), 255) for level in colour)
    return red, green, blue


def _any_of(colours: Sequence[Colour], draws: Draws) -> Colour:
    return _near(colours[draws.integer(0, len(colours))], draws)


def _ring(x: float, y: float, radius: float, corners: int, start: float = 0.0) -> list[Point]:
    directions = [direction(start + 2 * math.pi * corner / corners) for corner in range(corners)]
    return [(x + radius * cosine, y + radius * sine) for cosine, sine in directions]


def _stop_sign(brush: Brush, draws: Draws) -> None:
    red = _near((196, 24, 32), draws)
    brush.polygon(_ring(0.5, 0.5, 0.53, 8, math.pi / 8), WHITE)
    brush.polygon(_ring(0.5, 0.5, 0.47, 8, math.pi / 8), red)
    width = 0.05
    for left, strokes in (
        (0.14, [(1, 0), (0, 0), (0, 0.5), (1, 0.5), (1, 1), (0, 1)]),  # S
        (0.34, [(0, 0), (1, 0), (0.5, 0), (0.5, 1)]),  # T
        (0.53, [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]),  # O
        (0.73, [(0, 1), (0, 0), (1, 0), (1, 0.5), (0, 0.5)]),  # P
    ):
        brush.line([(left + 0.13 * x, 0.36 + 0.28 * y) for x, y in strokes], WHITE, width)


def _traffic_light(brush: Brush, draws: Draws) -> None:
    brush.rectangle(0, 0, 1, 1, _near((44, 48, 44), draws, 12), radius=0.2)
    brush.rectangle(0.06, 0.025, 0.94, 0.975, _near((66, 68, 60), draws, 12), radius=0.18)
    bright: tuple[Colour, ...] = ((250, 48, 40), (252, 190, 36), (52, 232, 96))
    on = draws.integer(0, 3)
    for i, colour in enumerate(bright):
        dim = 1.0 if i == on else 0.6
        lamp: Colour = (round(colour[0] * dim), round(colour[1] * dim), round(colour[2] * dim))
        brush.ellipse(0.5, 0.19 + 0.31 * i, 0.36, 0.135, BLACK)
        brush.ellipse(0.5, 0.19 + 0.31 * i, 0.3, 0.112, lamp)


def _sports_ball(brush: Brush, draws: Draws) -> None:
    start = draws.uniform(0, 2 * math.pi)
    brush.ellipse(0.5, 0.5, 0.5, 0.5, (60, 60, 64))
    brush.ellipse(0.5, 0.5, 0.475, 0.475, WHITE)
    dark = _near((30, 30, 36), draws, 10)
    brush.polygon(_ring(0.5, 0.5, 0.19, 5, start), dark)
    for x, y in _ring(0.5, 0.5, 0.4, 5, start):
        brush.line([(0.5, 0.5), (x, y)], dark, 0.03)
        brush.polygon(_ring(x, y, 0.11, 5, start + math.pi / 5), dark)


def _pizza(brush: Brush, draws: Draws) -> None:
    brush.ellipse(0.5, 0.5, 0.5, 0.5, _near((186, 124, 60), draws, 14))
    brush.ellipse(0.5, 0.5, 0.43, 0.43, _near((196, 62, 34), draws, 14))
    brush.ellipse(0.5, 0.5, 0.4, 0.4, _near((244, 206, 98), draws, 14))
    for x, y in [*_ring(0.5, 0.5, 0.26, draws.integer(5, 8), draws.uniform(0, 6)), (0.5, 0.5)]:
        brush.ellipse(x, y, 0.085, 0.085, _near((186, 44, 32), draws, 14))
    for _ in range(draws.integer(6, 11)):
        x, y = _ring(0.5, 0.5, draws.uniform(0.1, 0.36), 1, draws.uniform(0, 6.3))[0]
        brush.ellipse(x, y, 0.03, 0.03, (58, 110, 44))


def _clock(brush: Brush, draws: Draws) -> None:
    rim = _any_of([(40, 62, 140), (30, 30, 34), (120, 84, 40)], draws)
    brush.ellipse(0.5, 0.5, 0.5, 0.5, rim)
    brush.ellipse(0.5, 0.5, 0.41, 0.41, WHITE)
    for x, y in _ring(0.5, 0.5, 0.36, 12):
        brush.line([(x, y), (0.5 + (x - 0.5) * 0.8, 0.5 + (y - 0.5) * 0.8)], BLACK, 0.03)
    for length, width in ((0.2, 0.06), (0.3, 0.045)):
        brush.line([(0.5, 0.5), _ring(0.5, 0.5, length, 1, draws.uniform(0, 2 * math.pi))[0]], BLACK, width)
    brush.ellipse(0.5, 0.5, 0.045, 0.045, BLACK)


def _kite(brush: Brush, draws: Draws) -> None:
    palette: list[Colour] = [(230, 40, 150), (40, 200, 220), (250, 220, 40), (110, 60, 210), (60, 210, 80)]
    colours = [_near(palette[i], draws) for i in draws.order(len(palette))]
    top, right, bottom, left, centre = (0.5, 0.0), (1.0, 0.32), (0.5, 0.8), (0.0, 0.32), (0.5, 0.32)
    tail = [(0.5 + 0.1 * direction(6.3 * i / 11)[1], 0.8 + 0.2 * i / 11) for i in range(12)]
    brush.line(tail, colours[4], 0.05)
    for corner, fill in zip(((top, right), (right, bottom), (bottom, left), (left, top)), colours, strict=False):
        brush.polygon([centre, *corner], fill)
    brush.line([top, bottom], BLACK, 0.02)
    brush.line([left, right], BLACK, 0.02)


def _orange(brush: Brush, draws: Draws) -> None:
    skin = _near((240, 132, 20), draws, 12)
    brush.ellipse(0.5, 0.53, 0.5, 0.47, skin)
    for scale, lift in ((0.75, 10), (0.5, 20), (0.25, 32)):
        glow: Colour = (min(255, skin[0] + lift), min(255, skin[1] + lift), skin[2] + lift)
        brush.ellipse(0.42, 0.45, 0.42 * scale, 0.4 * scale, glow)
    brush.polygon([(0.5, 0.14), (0.62, 0.0), (0.85, 0.05), (0.72, 0.16)], _near((44, 130, 40), draws))
    brush.ellipse(0.5, 0.13, 0.045, 0.04, (90, 70, 30))


def _book(brush: Brush, draws: Draws) -> None:
    cover = _any_of([(34, 92, 60), (28, 54, 112), (120, 30, 60), (92, 58, 120)], draws)
    spine: Colour = (cover[0] // 2, cover[1] // 2, cover[2] // 2)
    brush.rectangle(0, 0, 1, 1, cover, radius=0.03)
    brush.rectangle(0.9, 0.03, 0.97, 0.97, WHITE)
    brush.rectangle(0.93, 0.03, 0.94, 0.97, (170, 166, 150))
    brush.rectangle(0, 0, 0.16, 1, spine, radius=0.03)
    gold = _near((222, 190, 92), draws, 14)
    brush.rectangle(0.28, 0.14, 0.8, 0.34, gold)
    for y in (0.48, 0.58, 0.68):
        brush.rectangle(0.3, y, 0.78, y + 0.035, gold)


def _frisbee(brush: Brush, draws: Draws) -> None:
    disc = _any_of([(28, 120, 230), (240, 60, 90), (60, 190, 60)], draws)
    lighter: Colour = (disc[0] // 2 + 127, disc[1] // 2 + 127, disc[2] // 2 + 127)
    brush.ellipse(0.5, 0.5, 0.5, 0.5, disc)
    for radius, fill in ((0.42, lighter), (0.36, disc), (0.22, lighter), (0.18, disc)):
        brush.ellipse(0.5, 0.47, radius, radius, fill)


def _tv(brush: Brush, draws: Draws) -> None:
    frame = _near((28, 28, 32), draws, 10)
    brush.polygon([(0.3, 1.0), (0.7, 1.0), (0.6, 0.88), (0.4, 0.88)], frame)
    brush.rectangle(0, 0, 1, 0.9, frame, radius=0.04)
    bars: list[Colour] = [(90, 190, 240), (70, 160, 230), (60, 130, 210), (50, 104, 190), (40, 84, 160)]
    for i, colour in enumerate(bars):
        brush.rectangle(0.05, 0.07 + 0.152 * i, 0.95, 0.07 + 0.152 * (i + 1), _near(colour, draws, 10))
    hill = draws.uniform(0.2, 0.6)
    brush.polygon([(0.05, 0.83), (hill, 0.45), (hill + 0.15, 0.62), (0.95, 0.83)], _near((70, 150, 70), draws))


def _banana(brush: Brush, draws: Draws) -> None:
    skin = _near((248, 214, 50), draws, 14)
    turn = [direction(math.pi * (0.12 + 0.76 * i / 15)) for i in range(16)]
    outer = [(0.5 + 0.55 * cosine, 0.98 * sine) for cosine, sine in turn]
    inner = [(0.5 + 0.5 * cosine, 0.1 + 0.42 * sine) for cosine, sine in reversed(turn)]
    brush.polygon(outer + inner, skin)
    brush.line(outer[2:-2], (min(255, skin[0] - 40), skin[1] - 50, skin[2] // 2), 0.05)
    for x, y in (outer[0], outer[-1]):
        brush.ellipse(x, y - 0.03, 0.035, 0.09, (96, 70, 30))


def _umbrella(brush: Brush, draws: Draws) -> None:
    cloth = _any_of([(214, 40, 60), (50, 70, 200), (140, 50, 160)], draws)
    other = _any_of([(240, 236, 226), (250, 214, 90)], draws)
    handle = _near((92, 60, 34), draws, 10)
    brush.line([(0.5, 0.0), (0.5, 0.9), (0.54, 0.97), (0.61, 0.97), (0.64, 0.9)], handle, 0.05)
    for i in range(6):
        arc = [direction(math.pi * (i + part / 4) / 6) for part in range(5)]
        rim = [(0.5 - 0.5 * cosine, 0.55 - 0.5 * sine) for cosine, sine in arc]
        foot = [(0.5 - 0.5 * cosine, 0.55) for cosine, _ in (arc[-1], arc[0])]
        brush.polygon([(0.5, 0.05), *rim, *foot], cloth if i % 2 else other)
        middle = (foot[0][0] + foot[1][0]) / 2
        brush.ellipse(middle, 0.55, abs(foot[0][0] - foot[1][0]) / 2, 0.05, cloth if i % 2 else other)


KINDS: dict[str, Kind] = {
    "traffic light": Kind(_traffic_light, (0.36, 0.46), 8),
    "stop sign": Kind(_stop_sign),
    "umbrella": Kind(_umbrella, (0.95, 1.25), 15),
    "frisbee": Kind(_frisbee, (1.2, 2.2), 20),
    "sports ball": Kind(_sports_ball, (0.97, 1.03), 180),
    "kite": Kind(_kite, (0.6, 0.75), 30),
    "banana": Kind(_banana, (1.7, 2.3), 25),
    "orange": Kind(_orange, turn=25),
    "pizza": Kind(_pizza, (0.92, 1.2), 180),
    "tv": Kind(_tv, (1.2, 1.6), 4),
    "book": Kind(_book, (0.66, 0.82), 12),
    "clock": Kind(_clock, (0.96, 1.04), 8),
}
