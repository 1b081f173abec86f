import streamlit as st

st.title("compare")
st.slider("k", 1, 20, 10, key="k", bind="query-params")
