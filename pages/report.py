import streamlit as st

st.title("report")
st.slider("k", 1, 20, 10, key="k", bind="query-params")
