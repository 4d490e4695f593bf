"""The engines that compute logits. Adding one is a file beside this and a line here."""

from tessella.backends.torch import TorchBackend

BACKENDS = {
    "torch": TorchBackend,
}
