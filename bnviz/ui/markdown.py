"""Text of others on the page."""

import re

_LINKS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\w)(?=@[\w.-]*\.[a-z])", re.IGNORECASE)
"""Where an address stops being one that is made a link of by itself, whatever signs in it are escaped."""
_JOINER = "\N{WORD JOINER}"
"""Is not seen, and lets no line end."""


def escaped(text: str) -> str:
    """The text with every sign that Markdown would take for its own made harmless, and no links."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", _LINKS.sub(_JOINER, text))
