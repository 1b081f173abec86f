"""Tests compute on one thread each: their models are tiny, and two threads that wait for each other on a busy machine
made a test of five seconds run into its limit of three hundred."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
