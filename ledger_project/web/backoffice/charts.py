"""Charts as SVG, drawn here: no script, and the same numbers always stand beside them as text."""

from collections.abc import Callable, Mapping, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

HUES = 6  # that backoffice.css has classes for, .lb-hue-0 to .lb-hue-5
WIDTH, HEIGHT, LEFT, HEAD, FOOT = 720, 190, 4, 18, 18


def bar(parts: Sequence[tuple[int, str]], whole: int, says: str) -> SafeString:
    """How much of a whole some parts are; what is more than the whole fills the bar. `says` is the same in words."""
    most = max(whole, sum(part for part, _ in parts), 1)
    rects, start = [], 0.0
    for part, kind in parts:
        width = round(160 * part / most, 1)
        rects.append((kind, start, width))
        start += width
    drawn = format_html_join("", '<rect class="lb-bar-{}" x="{}" y="0" width="{}" height="10"></rect>', rects)
    return format_html(
        '<svg class="lb-bar" role="img" aria-label="{}" width="160" height="10" viewBox="0 0 160 10">'
        '<title>{}</title><rect class="lb-bar-rest" x="0" y="0" width="160" height="10" rx="3"></rect>{}</svg>',
        says,
        says,
        drawn,
    )


def stacked(
    days: Sequence[str], series: Mapping[str, Sequence[int]], says: str, show: Callable[[int], str]
) -> SafeString:
    """A column for each day, one part for each name, with a legend; the highest is told as `show` writes it."""
    totals = [sum(values[place] for values in series.values()) for place in range(len(days))]
    top, step = max([*totals, 1]), (WIDTH - LEFT) / max(len(days), 1)
    rects = []
    for place, day in enumerate(days):
        y = float(HEIGHT)
        for hue, (name, values) in enumerate(series.items()):
            height = (HEIGHT - HEAD) * values[place] / top
            y -= height
            if values[place]:
                x = LEFT + place * step
                told = f"{day} {name}: {show(values[place])}"
                rects.append((hue % HUES, round(x, 1), round(y, 1), round(step * 0.8, 1), round(height, 1), told))
    columns = format_html_join(
        "", '<rect class="lb-hue-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', rects
    )
    every = max(1, len(days) // 6)
    labels = format_html_join(
        "",
        '<text class="lb-axis" x="{}" y="{}">{}</text>',
        (
            (round(LEFT + place * step, 1), HEIGHT + FOOT - 4, day[5:])
            for place, day in enumerate(days)
            if place % every == 0
        ),
    )
    legend = format_html_join(
        " ",
        '<span class="lb-legend"><svg width="10" height="10" aria-hidden="true">'
        '<rect class="lb-hue-{}" width="10" height="10" rx="2"></rect></svg> {}</span>',
        ((hue % HUES, name) for hue, name in enumerate(series)),
    )
    return format_html(
        '<svg class="lb-chart" role="img" aria-label="{}" viewBox="0 0 {} {}">'
        '<text class="lb-axis" x="{}" y="{}">{}</text>{}{}</svg><p class="lb-legends">{}</p>',
        says,
        WIDTH,
        HEIGHT + FOOT,
        LEFT,
        HEAD - 6,
        f"at most {show(top)} a day",
        columns,
        labels,
        legend,
    )
