"""FairDash: train a BERT recommender, audit who gets what, mitigate, and compare before and after."""

__version__ = "0.1.0"
