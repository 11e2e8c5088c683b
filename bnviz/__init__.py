"""bnviz: watch what normalization does to a neural network, live."""
