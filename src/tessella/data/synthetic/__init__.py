"""Drawn street scenes: `scenes` is the data set, the other files draw it."""
