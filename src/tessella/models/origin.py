"""What pretrained weights are, where they are from and what may be done with them."""

from dataclasses import dataclass

NOT_STATED = "not stated"
"""The licence of weights whose publisher does not give one."""


@dataclass(frozen=True)
class WeightsOrigin:
    """Where the numbers that a model starts from come from."""

    name: str
    """As a recipe names them: "imagenet", "coco_voc", or the path of a file."""

    learnt_from: str
    """The training data, as far as the publisher says."""

    source: str
    """An address or a path."""

    licence: str
    """As the publisher calls it; `NOT_STATED` if nobody does."""

    def text(self) -> str:
        """All of it in one line, for a log."""
        return (
            f"weights {self.name}: learnt from {self.learnt_from}; source {self.source}; licence "
            f"{self.licence}"
        )
