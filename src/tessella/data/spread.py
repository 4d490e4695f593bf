"""A few of many, evenly."""


def spread(length: int, count: int) -> list[int]:
    """`count` different indices, or as many as there are, spread evenly over 0..length-1."""
    count = min(count, length)
    return sorted({round(k * (length - 1) / max(1, count - 1)) for k in range(count)})
