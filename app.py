"""The dashboard: `streamlit run app.py` or `python app.py`."""

import streamlit as st

from bnviz.serve.app import lifespan, middleware, routes
from bnviz.serve.launch import serve
from bnviz.ui import PAGE

app = st.App(PAGE, routes=routes(), middleware=middleware(), lifespan=lifespan)

if __name__ == "__main__":
    serve(app)
