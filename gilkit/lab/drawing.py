"""Charts as SVG: text for screen readers, the colours of the page, no script."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count

from .charts import Bars, Chart, Lines, Point, Strip, Timeline
from .escaping import escape
from .text import digits, duration, factor, shorten

WIDTH = 720
TITLE, MARGIN = 26, 10  # in a file of its own: height of the title, space around the chart
LOG = "log scale"
COLOURS = 6  # classes c0 to c5 of the page
_ids = count()


def element(name: str, *children: str, **attributes: object) -> str:
    """Return an SVG element; ``class_`` and ``stroke_width`` become class and stroke-width."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def text(x: float, y: float, words: str, **attributes: object) -> str:
    return element("text", escape(words), x=float(x), y=float(y), **attributes)


def draw(chart: Chart, style: str | None = None) -> str:
    """Return the chart as an SVG element with a title and a description in words.

    With ``style``, return a complete SVG file that shows the title.
    """
    if isinstance(chart, Bars):
        height, body = _bars(chart)
    elif isinstance(chart, Lines):
        height, body = _lines(chart)
    elif isinstance(chart, Timeline):
        height, body = _timeline(chart)
    else:
        height, body = _strip(chart)
    number = 0 if style else next(_ids)
    alone: dict[str, object] = {}
    margin = MARGIN if style else 0
    if style:
        body = [text(0, 16, chart.title, class_="group"), element("g", *body, transform=f"translate(0 {TITLE})")]
        height += TITLE
        alone = {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": WIDTH + 2 * margin,
            "height": round(height) + 2 * margin,
        }
    return element(
        "svg",
        *([element("style", style)] if style else []),
        element("title", escape(chart.title), id=f"title{number}"),
        element("desc", escape(describe(chart)), id=f"desc{number}"),
        *body,
        viewBox=f"{-margin} {-margin} {WIDTH + 2 * margin} {height + 2 * margin:.0f}",
        role="img",
        aria_labelledby=f"title{number} desc{number}",
        **alone,
    )


def describe(chart: Chart) -> str:
    """Describe the chart in words: every value of bars and spans, and both ends of lines."""
    if isinstance(chart, Bars):
        parts = [
            f"{bar.group + ', ' if bar.group else ''}{bar.label}: {value(bar.value, chart.unit)}" for bar in chart.bars
        ]
        if chart.limit is not None:
            parts.append(f"{chart.limit_label}: {value(chart.limit, chart.unit)}")
        return ". ".join(parts) + "."
    if isinstance(chart, Lines):
        parts = []
        for line in chart.lines:
            if line.points:
                first, last = line.points[0], line.points[-1]
                parts.append(
                    f"{line.label}: {value(first.y, chart.y_label)} at {first.x:g} {chart.x_label}, "
                    f"{value(last.y, chart.y_label)} at {last.x:g}"
                )
        return ". ".join(parts) + "."
    if isinstance(chart, Timeline):
        parts = [
            f"{lane.label}: "
            + ", ".join(
                f"{span.label} from {duration(max(0.0, span.start))} to {duration(span.end)}" for span in lane.spans
            )
            for lane in chart.lanes
        ]
        return ". ".join(parts) + "."
    means = [sum(values) / len(values) if values else 0.0 for values in chart.cores]
    return ". ".join(f"Core {index}: {mean:.0f} % on average" for index, mean in enumerate(means)) + "."


def value(number: float, unit: str) -> str:
    """Return a value with its unit; seconds become ns, µs or ms as needed."""
    if unit == "s":
        return duration(number)
    if unit == "×":
        return factor(number)
    return f"{number:.0f} %" if unit == "%" else f"{digits(number)} {unit}"


def round_value(number: float, unit: str) -> str:
    """Return a tick label: the same without trailing zeros."""
    return (
        re.sub(r"\.(\d*?)0+(?=\D|$)", lambda m: f".{m[1]}" if m[1] else "", value(number, unit).rstrip())
        if number
        else "0"
    )


# ---- Axes


def scale(low: float, high: float, begin: float, end: float, log: bool) -> Callable[[float], float]:
    """Return the function from values to coordinates."""
    if log:
        low, high = math.log10(low), math.log10(high)
        transform: Callable[[float], float] = math.log10
    else:
        transform = float
    span = (high - low) or 1.0
    return lambda number: begin + (end - begin) * (transform(number) - low) / span


def ticks(high: float) -> list[float]:
    """Return about four round values from 0 to ``high``."""
    rough = high / 4
    step = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step *= next((times for times in (1, 2, 5) if step * times >= rough), 10)
    return [step * index for index in range(int(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten, up to a factor of 1000 apart if there are many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = 1 if last - first <= 5 else 2 if last - first <= 9 else 3
    return [10.0**power for power in range(first, last + 1, step)]


# ---- Bars

LABELS = 250
VALUES = 90
ROW = 22


def _bars(chart: Bars) -> tuple[float, list[str]]:
    bars = list(chart.bars)
    if not bars:
        return 30, [text(0, 20, "Nothing was measured.", class_="label")]
    right = WIDTH - VALUES
    highest = max([bar.high if bar.high is not None else bar.value for bar in bars] + [chart.limit or 0.0])
    positive = [bar.low if bar.low else bar.value for bar in bars if bar.value > 0]
    log = chart.log and bool(positive)
    if log:
        low = 10.0 ** math.floor(math.log10(min(positive)))
        high = max(highest, low * 10)
    else:
        low, high = 0.0, highest * 1.02 or 1.0
    place = scale(low, high, LABELS, right, log)
    body: list[str] = []
    y = 8.0
    group = ""
    groups = list(dict.fromkeys(bar.group for bar in bars))
    for bar in bars:
        if bar.group != group:
            group = bar.group
            y += 18
            body.append(text(0, y, group, class_="group"))
            y += 4
        width = max(1.0, place(max(bar.value, low)) - LABELS) if bar.value > 0 else 0.0
        colour = f"c{groups.index(bar.group) % COLOURS}"
        body.append(text(LABELS - 8, y + 15, shorten(bar.label, 40), class_="label", text_anchor="end"))
        body.append(element("rect", x=LABELS, y=y + 3, width=width, height=ROW - 7, class_=colour, rx=2))
        edge = LABELS + width
        if bar.low is not None and bar.high is not None and bar.high > bar.low > 0:
            start, end, top = place(max(bar.low, low)), place(bar.high), y + 3 + (ROW - 7) / 2 - 4
            body.append(
                element(
                    "path",
                    d=f"M{start:.1f} {top + 4:.1f}H{end:.1f}M{start:.1f} {top:.1f}v8M{end:.1f} {top:.1f}v8",
                    class_="whisker",
                )
            )
            edge = max(edge, end)
        body.append(text(edge + 6, y + 15, value(bar.value, chart.unit), class_="value"))
        y += ROW
    y += 4
    grid = []
    for tick in decades(low, high) if log else ticks(high):
        if low <= tick <= high:
            x = place(tick)
            grid.append(element("path", d=f"M{x:.1f} 8V{y:.1f}", class_="grid"))
            body.append(text(x, y + 14, round_value(tick, chart.unit), class_="tick", text_anchor="middle"))
    if chart.limit is not None and low < chart.limit <= high:
        x = place(chart.limit)
        body.append(element("path", d=f"M{x:.1f} 4V{y:.1f}", class_="limit"))
        body.append(text(x, y + 28, chart.limit_label, class_="tick", text_anchor="middle"))
    if log:
        body.append(text(0, y + 14, LOG, class_="tick"))
    return y + 34, grid + body


# ---- Lines

HEIGHT = 300
LEFT, TOP, BOTTOM = 64, 22, 44  # TOP keeps the highest tick clear of the axis label
KEY = 170
FEW = 12  # points of a line, which are marked and have labels of their own


def _lines(chart: Lines) -> tuple[float, list[str]]:
    points = [point for line in chart.lines for point in line.points]
    if not points:
        return 30, [text(0, 20, "Nothing was measured.", class_="label")]
    log_x = chart.log_x and min(point.x for point in points) > 0
    log_y = chart.log_y and min(point.y for point in points) > 0
    xs = [point.x for point in points]
    tops = [point.high if point.high is not None else point.y for point in points]
    bottoms = [point.low if point.low else point.y for point in points]
    low_x, high_x = (min(xs), max(xs)) if log_x else (0.0, max(xs))
    low_y = 10.0 ** math.floor(math.log10(min(bottoms))) if log_y else 0.0
    high_y = 10.0 ** math.ceil(math.log10(max(tops))) if log_y else max(tops) * 1.05 or 1.0
    if high_y <= low_y:
        high_y = low_y * 10 if log_y else low_y + 1
    right = WIDTH - KEY
    x_of = scale(low_x, high_x, LEFT, right, log_x)
    y_of = scale(low_y, high_y, HEIGHT - BOTTOM, TOP, log_y)
    body: list[str] = []
    for tick in decades(low_y, high_y) if log_y else ticks(high_y):
        if low_y <= tick <= high_y:
            y = y_of(tick)
            body.append(element("path", d=f"M{LEFT} {y:.1f}H{right}", class_="grid"))
            body.append(text(LEFT - 6, y + 4, round_value(tick, ""), class_="tick", text_anchor="end"))
    measured = sorted(set(xs))
    counts = len(measured) <= FEW and all(float(x).is_integer() for x in measured)  # of threads, for example; no times
    for tick in spaced(measured, x_of) if log_x or counts else ticks(high_x):
        x = x_of(tick)
        body.append(element("path", d=f"M{x:.1f} {HEIGHT - BOTTOM}v5", class_="axis"))
        body.append(text(x, HEIGHT - BOTTOM + 18, f"{tick:g}", class_="tick", text_anchor="middle"))
    body.append(element("path", d=f"M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{right}", class_="axis"))
    x_label, y_label = (
        f"{label} ({LOG})" if log else label for label, log in ((chart.x_label, log_x), (chart.y_label, log_y))
    )
    body.append(text((LEFT + right) / 2, HEIGHT - 8, x_label, class_="tick", text_anchor="middle"))
    body.append(text(4, 10, y_label, class_="tick"))
    colour = 0
    for number, line in enumerate(chart.lines):
        if not line.points:
            continue
        style = "ideal" if line.ideal else f"l{colour % COLOURS}"
        path = "M" + "L".join(
            f"{x_of(point.x):.1f} {y_of(max(point.y, low_y or point.y)):.1f}" for point in line.points
        )
        if not line.ideal:
            body.append(_band(line.points, x_of, y_of, low_y, f"b{colour % COLOURS}"))
        body.append(element("path", d=path, class_=f"line {style}"))
        if not line.ideal:
            for point in line.points if len(line.points) <= FEW else ():
                body.append(
                    element(
                        "circle",
                        cx=x_of(point.x),
                        cy=y_of(max(point.y, low_y or point.y)),
                        r=3,
                        class_=f"c{colour % COLOURS}",
                    )
                )
            colour += 1
        y = 22 + 20 * number
        body.append(element("path", d=f"M{right + 14} {y - 4}h22", class_=f"line {style}"))
        body.append(text(right + 42, y, shorten(line.label, 22), class_="label"))
    return max(HEIGHT, 30 + 20 * len(chart.lines)), body


def _band(
    points: Sequence[Point], x_of: Callable[[float], float], y_of: Callable[[float], float], floor: float, style: str
) -> str:
    upper = [(x_of(p.x), y_of(p.high if p.high is not None else p.y)) for p in points]
    lower = [(x_of(p.x), y_of(max(floor, p.low if p.low is not None else p.y))) for p in points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in [*upper, *reversed(lower)]) + "Z"
    return element("path", d=path, class_=style)


def spaced(values: Iterable[float], place: Callable[[float], float], width: float = 34) -> list[float]:
    """Return the values whose labels, of that width, do not overlap."""
    kept: list[float] = []
    for each in values:
        if not kept or place(each) - place(kept[-1]) >= width:
            kept.append(each)
    return kept


# ---- Timelines and strips


def _timeline(chart: Timeline) -> tuple[float, list[str]]:
    end = max((span.end for lane in chart.lanes for span in lane.spans), default=1.0)
    left = 110
    place = scale(0.0, end, left, WIDTH - 30, False)  # room for half of the last label
    body: list[str] = []
    y = 6.0
    for lane in chart.lanes:
        body.append(text(left - 8, y + 19, lane.label, class_="label", text_anchor="end"))
        for index, span in enumerate(lane.spans):
            start = place(max(0.0, span.start))
            width = max(2.0, place(span.end) - start - 1)
            body.append(element("rect", x=start, y=y, width=width, height=28, rx=3, class_=f"c{index % COLOURS}"))
            body.append(text(start + 6, y + 18, shorten(span.label, max(1, int(width / 8))), class_="inside"))
        y += 34
    for tick in ticks(end):
        x = place(tick)
        body.insert(0, element("path", d=f"M{x:.1f} 4V{y:.1f}", class_="grid"))
        body.append(text(x, y + 14, round_value(tick, chart.unit), class_="tick", text_anchor="middle"))
    return y + 22, body


def _strip(chart: Strip) -> tuple[float, list[str]]:
    if not chart.times:
        return 30, [text(0, 20, "Nothing was measured.", class_="label")]
    left, lane = 64, 26
    end = chart.times[-1] or 1.0
    place = scale(0.0, end, left, WIDTH - 12, False)
    body: list[str] = []
    top = 6.0
    for index, values in enumerate(chart.cores):
        base = top + (index + 1) * lane + index * 4
        body.append(text(left - 8, base - 7, f"core {index}", class_="label", text_anchor="end"))
        body.append(element("rect", x=left, y=base - lane, width=WIDTH - 12 - left, height=lane, class_="empty"))
        # One step per sample, which covers the time since the previous sample.
        path = f"M{left} {base:.1f}"
        for moment, percent in zip(chart.times, values, strict=True):
            path += f"V{base - lane * min(100.0, max(0.0, percent)) / 100:.1f}H{place(moment):.1f}"
        body.append(element("path", d=f"{path}V{base:.1f}Z", class_=f"c{index % COLOURS}"))
    y = top + len(chart.cores) * (lane + 4)
    for span in chart.spans:
        x, width = place(span.start), place(span.end) - place(span.start)
        # The tooltip names the case.
        body.append(
            element(
                "rect",
                element("title", escape(span.label)),
                x=x,
                y=top,
                width=max(0.5, width),
                height=y - top,
                class_="over",
            )
        )
        if width > 60:
            body.append(text(x + 3, y + 12, shorten(span.label, int(width / 6.5)), class_="tick"))
    if chart.rounds:
        y += 14  # below the names of the cases
    labelled = spaced(chart.rounds, place, 54)
    for number, moment in enumerate(chart.rounds, 1):
        x = place(moment)
        body.append(element("path", d=f"M{x:.1f} 2V{y + 18:.1f}", class_="axis"))
        if moment in labelled and x + 50 <= WIDTH:
            body.append(text(x + 3, y + 12, f"round {number}", class_="tick"))
    for tick in ticks(end):
        body.append(text(place(tick), y + 30, round_value(tick, "s"), class_="tick", text_anchor="middle"))
    return y + 36, body
