"""The cluster that `--dask` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bnviz.cli.mistakes import UserError

Client = TypeVar("Client")


def client_of(address: str, make: Callable[[str], Client]) -> Client:
    """What `make` makes of a scheduler's address. Errors: UserError where Dask is missing, or nobody answers."""
    try:
        return make(address)
    except ImportError:
        raise UserError("--dask needs Dask: pip install 'bnviz[cluster]'.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"No Dask scheduler answers at {address}: {error}") from error
