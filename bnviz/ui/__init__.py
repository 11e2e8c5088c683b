"""The page: what people see and press. Only here and in `bnviz.server` is Streamlit imported."""
