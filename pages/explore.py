import streamlit as st

st.title("explore")
st.slider("k", 1, 20, 10, key="k", bind="query-params")
