"""Colours for classes that come without any: far apart, the same every time."""

import colorsys

Color = tuple[int, int, int]
"""Red, green, blue, each 0..255."""

# Paul Tol's "bright" and "muted" qualitative schemes (SRON/EPS/TN/09-002, 2021): told apart with
# the common colour-vision deficiencies. https://personal.sron.nl/~pault/
_FIRST: tuple[Color, ...] = (
    (68, 119, 170),
    (238, 102, 119),
    (34, 136, 51),
    (204, 187, 68),
    (102, 204, 238),
    (170, 51, 119),
    (187, 187, 187),
    (51, 34, 136),
    (221, 204, 119),
    (17, 119, 51),
    (136, 34, 85),
    (68, 170, 153),
)


def distinct_colors(count: int) -> tuple[Color, ...]:
    """`count` different colours; the first twelve are chosen for colour-blind readers.

    Later ones walk the hue circle by the golden angle at changing brightness.
    """
    colors = list(_FIRST[:count])
    step = 0
    while len(colors) < count:
        hue = (step * 0.618034) % 1.0
        value = (0.95, 0.65, 0.8)[step % 3]
        saturation = (0.75, 0.9, 0.5)[step // 3 % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        color = (round(red * 255), round(green * 255), round(blue * 255))
        if color not in colors:
            colors.append(color)
        step += 1
    return tuple(colors)
