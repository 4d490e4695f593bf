"""Class maps of image files: as palette PNG or polygons for programs, as pictures for people."""

from tessella.predict.files import PredictionFiles, predict
from tessella.predict.find import find_images
from tessella.predict.write import OUTPUTS

__all__ = ["OUTPUTS", "PredictionFiles", "find_images", "predict"]
