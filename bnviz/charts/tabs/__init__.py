"""The tabs that draw: one module each."""
