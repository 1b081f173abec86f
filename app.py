"""The web application: `streamlit run app.py` or `uvicorn app:app`.

The page shell lives in fairdash/ui/shell.py because a main script that has a `pages/` folder beside it makes Streamlit
run those files alone on a deep link, without navigation or page configuration.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fairdash.ui import server

app = st.App(
    Path(__file__).parent / "fairdash" / "ui" / "shell.py",
    lifespan=server.lifespan,
    routes=server.ROUTES,
    middleware=server.MIDDLEWARE,
)
