"""The dashboard: `streamlit run app.py` or `python app.py`."""

import streamlit as st

from bnviz.serve import app as server
from bnviz.ui import PAGE

app = st.App(PAGE, routes=server.routes(), middleware=server.middleware(), lifespan=server.lifespan)

if __name__ == "__main__":
    server.serve(app)
