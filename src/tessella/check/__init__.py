"""Look at every file of a data set once and say what is wrong with it, before any training."""

from tessella.check.examine import check, check_path
from tessella.check.findings import Findings, Problem, ValueSeen

__all__ = ["Findings", "Problem", "ValueSeen", "check", "check_path"]
