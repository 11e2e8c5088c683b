"""The page: what people see and press. Only here and in `bnviz.serve.app` is Streamlit imported."""

from pathlib import Path

PAGE = Path(__file__).resolve().with_name("page.py")
"""The page's script."""
