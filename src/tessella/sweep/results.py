"""What a sweep has found, written into its folder."""

from collections.abc import Sequence

from tessella.atomic import write_text
from tessella.sweep.folder import SweepFolder
from tessella.sweep.page import render
from tessella.sweep.ranking import Place
from tessella.sweep.settings import Settings
from tessella.sweep.table import csv_table


def write_results(folder: SweepFolder, settings: Settings, places: Sequence[Place]) -> None:
    """Write `trials.csv` and `sweep.html`, each whole or not at all; nothing before a first trial.

    Raises:
        OSError: they cannot be written.
    """
    if not places:
        return
    write_text(folder.table_file, csv_table(places, settings))
    write_text(folder.page_file, render(places, settings, title=folder.path.resolve().name))
