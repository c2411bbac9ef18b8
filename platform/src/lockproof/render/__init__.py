"""Reports as text: pure functions from a report to a table, a page, or what CI systems read."""

from lockproof.render.interface import Renderer
from lockproof.render.registry import FORMATS, Format, format_for, format_named, render

__all__ = ["FORMATS", "Format", "Renderer", "format_for", "format_named", "render"]
