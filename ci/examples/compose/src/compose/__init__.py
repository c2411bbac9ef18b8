"""An example of a module that has lockproof as a dependency and puts a step of its own between."""

from .main import Compose as Compose
