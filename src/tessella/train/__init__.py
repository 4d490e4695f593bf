"""Train a recipe into a run folder."""

from tessella.train.loop import resume, train

__all__ = ["resume", "train"]
