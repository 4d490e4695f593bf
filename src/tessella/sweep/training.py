"""One trial, from where it is to its end."""

from dataclasses import replace

from tessella.errors import UsageError
from tessella.progress import Track
from tessella.sweep.folder import SweepFolder
from tessella.sweep.rehearsal import rehearse
from tessella.sweep.settings import Settings
from tessella.sweep.study import is_hopeless
from tessella.sweep.trials import Trial, look_at, read_trials
from tessella.train import resume, train
from tessella.train.history import EpochRow

_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def train_trial(trial: Trial, folder: SweepFolder, settings: Settings, *, track: Track) -> Trial:
    """Train the trial, from its last state where it has one; tells how it ended.

    Args:
        trial: is in work, in this process.
        folder: of the sweep.
        settings: of the sweep.
        track: shows progress of each pass.

    Raises:
        StoppedError: a signal came.
        ValueError: the data or the device that all trials need is not here any more.
        UsageError: the trial's run is there and cannot be gone on with.
        OSError: a file cannot be read or written.
        RuntimeError: the GPU is out of order.
    """
    was_begun = look_at(folder, trial, monitor=settings.monitor).run.recipe_file.exists()
    try:
        if was_begun:
            _go_on(trial, folder, settings, track)
        else:
            _begin(trial, folder, settings, track)
    except _HopelessError as hopeless:
        return replace(trial, state="pruned", last_epoch=hopeless.epoch)
    except (ValueError, RuntimeError, MemoryError) as error:
        if (isinstance(error, UsageError) and was_begun) or _is_broken_gpu(error):
            raise
        rehearse(settings.recipe, ())  # where no trial could be trained, it is not this one's fault
        return replace(trial, state="failed", reason=_reason(error))
    if look_at(folder, trial, monitor=settings.monitor).scores:
        return replace(trial, state="done")
    return replace(trial, state="failed", reason=f"no epoch has a finite {settings.monitor}")


def _begin(trial: Trial, folder: SweepFolder, settings: Settings, track: Track) -> None:
    judge = _Judge(trial, folder, settings, judged=0)
    recipe = settings.recipe_with(trial.values)
    train(recipe, out=folder.path / trial.folder, track=track, after_epoch=judge)


def _go_on(trial: Trial, folder: SweepFolder, settings: Settings, track: Track) -> None:
    epochs = look_at(folder, trial, monitor=settings.monitor).epochs
    # whether the last of them was judged before the process ended, nobody knows
    judge = _Judge(trial, folder, settings, judged=max(0, epochs - 1))
    judge.judge()
    resume(folder.path / trial.folder, track=track, after_epoch=judge)


class _HopelessError(Exception):
    """The trial is worse than most were at this epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.epoch = epoch


class _Judge:
    """Ends a training that is hopeless."""

    def __init__(
        self, trial: Trial, folder: SweepFolder, settings: Settings, *, judged: int
    ) -> None:
        self._trial, self._folder, self._settings = trial, folder, settings
        self._judged = judged
        self._last = settings.recipe_with(trial.values).train.epochs

    def __call__(self, row: EpochRow) -> None:
        """Look at the epoch that was kept, and at any that was kept before and not looked at.

        Raises:
            _HopelessError: one of them is where the trial ends.
        """
        del row  # the file of the run has it, as it will have after a restart: rounded
        self.judge()

    def judge(self) -> None:
        """Look at what was not looked at yet; the last epoch of all is too late to be ended."""
        tried = look_at(self._folder, self._trial, monitor=self._settings.monitor)
        for epoch in range(self._judged + 1, tried.epochs + 1):
            self._judged = epoch
            scores = {at: score for at, score in tried.scores.items() if at <= epoch}
            if epoch in scores and epoch < self._last and self._is_hopeless(scores):
                raise _HopelessError(epoch)

    def _is_hopeless(self, scores: dict[int, float]) -> bool:
        if not self._settings.is_judged(self._trial.number):
            return False
        others = read_trials(self._folder, monitor=self._settings.monitor)
        return is_hopeless(
            scores,
            [other.scores for other in others if self._is_like(other.trial)],
            warm_up=self._settings.warm_up,
            higher_is_better=self._settings.higher_is_better,
        )

    def _is_like(self, other: Trial) -> bool:
        return other.state == "done" and self._settings.is_judged(other.number)


def _is_broken_gpu(error: Exception) -> bool:
    """Whether no further trial could be trained in this process."""
    return "CUDA error" in str(error) and not _is_about_memory(error)


def _is_about_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def _reason(error: Exception) -> str:
    """One line."""
    if _is_about_memory(error):
        return "out of memory"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
