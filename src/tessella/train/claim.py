"""A run folder is one training's at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tessella.errors import UsageError
from tessella.lock import locked
from tessella.run import Run, create_run


@contextmanager
def new_run(run: Run, *, is_first: bool) -> Iterator[None]:
    """Make the folder of a run, and have it to ourselves while the block runs.

    That comes before anything that takes long: what is in the way is told at once. A block that
    fails before the recipe is written leaves nothing.

    Args:
        run: to be made.
        is_first: whether this process is the one that writes.

    Raises:
        UsageError: something is there already, or another training is in it.
        OSError: it cannot be made or written.
    """
    if not is_first:
        yield
        return
    is_new = not run.path.is_dir()
    if is_new:
        create_run(run.path)
    was_locked = run.lock_file.exists()
    with claimed(run, is_first=is_first):
        try:
            if not is_new:
                create_run(run.path)  # now that nobody else is writing in it
            yield
        finally:
            if not (was_locked or run.recipe_file.exists()):
                run.lock_file.unlink()
                if is_new:
                    with suppress(OSError):  # whatever another has put there
                        run.path.rmdir()


@contextmanager
def claimed(run: Run, *, is_first: bool) -> Iterator[None]:
    """Have a run folder to ourselves while the block runs.

    Args:
        run: which exists.
        is_first: whether this process is the one that writes.

    Raises:
        UsageError: another training is in it.
        OSError: it cannot be written.
    """
    if not is_first:
        yield
        return
    with locked(run.lock_file) as is_ours:
        if not is_ours:
            raise UsageError(
                f"{run.path}: another process is training in it; wait until it has ended, or end "
                "it."
            )
        yield
