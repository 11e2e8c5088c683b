"""Users' mistakes: one clear line on stderr, and exit status 2."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend; the message says how."""
