"""Colours for classes that come without any: far apart, the same every time."""

import colorsys

Color = tuple[int, int, int]
"""Red, green, blue, each 0..255."""

# Seven of Paul Tol's "bright" scheme (SRON/EPS/TN/09-002, 2021, https://personal.sron.nl/~pault/),
# then each the farthest (CIELAB) from those before, from white and from black, as seen by normal,
# deuteranopic and protanopic eyes (Machado et al. 2009, severity 1): 16.6 or more apart for all.
_FIRST: tuple[Color, ...] = (
    (68, 119, 170),
    (238, 102, 119),
    (34, 136, 51),
    (204, 187, 68),
    (102, 204, 238),
    (170, 51, 119),
    (187, 187, 187),
    (0, 0, 255),
    (34, 0, 136),
    (85, 119, 255),
    (255, 255, 0),
    (255, 255, 187),
    (34, 51, 0),
    (0, 0, 51),
    (85, 170, 255),
    (255, 255, 136),
    (51, 68, 153),
    (0, 51, 204),
    (68, 51, 51),
    (238, 34, 51),
    (187, 204, 119),
    (221, 204, 170),
    (255, 204, 51),
    (68, 153, 170),
)


def distinct_colors(count: int) -> tuple[Color, ...]:
    """`count` different colours; the first 24 are told apart by colour-blind readers too.

    Later ones walk the hue circle by the golden angle at changing brightness; no two are equal,
    but no eye tells a hundred colours apart.
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
