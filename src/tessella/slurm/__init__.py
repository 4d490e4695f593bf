"""Train a recipe as a job of Slurm: write its script, pin its source, submit it."""

from tessella.slurm.job import Job
from tessella.slurm.prepare import Prepared, prepare
from tessella.slurm.submit import submit

__all__ = ["Job", "Prepared", "prepare", "submit"]
