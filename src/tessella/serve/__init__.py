"""A server of models: class maps of uploaded images, over HTTP."""

from tessella.serve.server import serve as serve
