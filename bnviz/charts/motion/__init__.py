"""Pictures and formulas of one update seen close by, and of the plane."""
