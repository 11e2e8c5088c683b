"""`bnviz.watch` as a callback of other people's trainers: `lightning`, `huggingface`; each is imported by its name."""
