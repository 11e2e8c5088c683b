"""Text of others on the page."""

import re


def escaped(text: str) -> str:
    """The text with every sign that Markdown would take for its own made harmless."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
