"""Who looks at the page, and what of it is theirs."""

from __future__ import annotations

import secrets

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from bnviz.config import RunConfig
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.serve.visitors import browser, from_this_machine, same_key
from bnviz.source import Source


def visitor() -> str:
    """Who this is: the browser's own cookie, or this session alone where cookies are not kept."""
    known = browser(st.context.cookies)  # AppTest has a mock in their place
    return known or str(st.session_state.setdefault("visitor", secrets.token_urlsafe(12)))


def mine(source: Source) -> bool:
    """Whether this visitor may steer it."""
    return isinstance(source, Run) and same_key(visitor(), source.owner)


def let_go(file: UploadedFile) -> None:
    """What was given is not needed any more: Streamlit would keep it in memory for as long as the page is open."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def config_of(source: Source) -> RunConfig | None:
    """The config of a run as changed so far, or of a recording as it began; None for somebody else's own loop."""
    return source.config if isinstance(source, Run) else source.description.config


def at_home() -> bool:
    """Whether this is the user's own server, asked from its own machine: then every recording is theirs to see."""
    return server().local and from_this_machine(st.context.headers)
