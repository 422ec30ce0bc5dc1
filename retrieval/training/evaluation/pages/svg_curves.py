"""How a few curves are drawn as SVG, in the colours of the page and without a plotting library."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 26, 40  # around what is drawn
LINES = 4  # of the grid, about


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over whole numbers from 0, at most two of which share a plot.

    Attributes:
        name: What it shows.
        values: Its height at each number.
        band: Lower and upper end of an interval at each number, or nothing.
    """

    name: str
    values: Sequence[float]
    band: Sequence[tuple[float, float]] = ()


def drawn(curves: Sequence[Curve], *, title: str, below: str, first: int = 0) -> str:
    """Draw curves of one length, two values at least, as a figure.

    Args:
        curves: The curves.
        title: What is seen, in a few words.
        below: What the numbers are.
        first: The number of the first value.
    """
    plot = _Plot(curves, first)
    lines = "".join(
        f"{plot.band(curve, number)}{plot.line(curve, number)}" for number, curve in enumerate(curves)
    )
    return (
        f'<figure><svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">{"".join(plot.grid())}{"".join(plot.numbers())}{lines}'
        f"{''.join(_legend(curves))}"
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{html.escape(below)}</text></svg>\n<figcaption>{html.escape(title)}</figcaption></figure>"
    )


class _Plot:
    """The places of values on a plot."""

    def __init__(self, curves: Sequence[Curve], first: int) -> None:
        every = [value for curve in curves for value in (*curve.values, *sum(curve.band, ()))]
        self._count = len(curves[0].values)
        self._first = first
        self._ticks = ticks(min(every), max(every))
        self._low, self._high = self._ticks[0], self._ticks[-1]

    def x(self, number: float) -> float:
        return round(LEFT + number / max(self._count - 1, 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, curve: Curve, number: int) -> str:
        points = " ".join(f"{self.x(n):g},{self.y(value):g}" for n, value in enumerate(curve.values))
        return f'<polyline class="c{number}" style="fill:none" points="{points}"/>'

    def band(self, curve: Curve, number: int) -> str:
        if not curve.band:
            return ""
        above = [f"{self.x(n):g},{self.y(high):g}" for n, (_, high) in enumerate(curve.band)]
        below = [f"{self.x(n):g},{self.y(low):g}" for n, (low, _) in enumerate(curve.band)]
        return f'<polygon class="c{number}" points="{" ".join((*above, *reversed(below)))}"/>'

    def grid(self) -> Iterator[str]:
        for value in self._ticks:
            kind = "zero" if value == 0 else "grid"
            height = self.y(value)
            yield f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:g}" y2="{height:g}"/>'
            yield f'<text x="{LEFT - 6}" y="{height + 4:g}" text-anchor="end">{value:g}</text>'

    def numbers(self) -> Iterator[str]:
        step = max(1, math.ceil((self._count - 1) / 6))
        for number in range(0, self._count, step):
            place = f'x="{self.x(number):g}" y="{HEIGHT - BOTTOM + 16}"'
            yield f'<text {place} text-anchor="middle">{number + self._first}</text>'


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers from at most `low` to at least `high`, a few of them.

    >>> ticks(0.61, 0.684)
    [0.6, 0.62, 0.64, 0.66, 0.68, 0.7]
    >>> ticks(0.5, 0.5)
    [0.45, 0.5, 0.55]
    """
    if high - low < 1e-6:  # noqa: PLR2004 - a line, all of it on one height
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / LINES
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 9) for number in range(first, last + 1)]


def _legend(curves: Sequence[Curve]) -> Iterator[str]:
    """Name the curves above them, in their colours."""
    for number, curve in enumerate(curves):
        place = f'x="{LEFT + number * (WIDTH - LEFT - RIGHT) / 2:g}" y="14"'
        yield f'<text class="name c{number}" {place}>{html.escape(curve.name)}</text>'
