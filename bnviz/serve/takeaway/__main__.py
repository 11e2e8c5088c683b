"""`python -m bnviz.serve.takeaway FORM [FILE]`: a recording, from a file or stdin, as another form of it on stdout.

A process of its own, so that neither a large table nor many charts hold up who watches.
"""

from __future__ import annotations

import io
import sys

from bnviz.leash import end_with_parent
from bnviz.recording import Recording
from bnviz.serve.takeaway import page


def main(form: str, file: str | None = None) -> None:
    """Write the recording as `page.html`, `table.csv` or `table.parquet`."""
    end_with_parent()
    recording = Recording.load(file) if file else Recording.read(io.BytesIO(sys.stdin.buffer.read()))
    if form == "page.html":
        sys.stdout.buffer.write(page(recording).encode())
    elif form == "table.csv":
        sys.stdout.buffer.write(recording.to_dataframe().to_csv(index=False).encode())
    else:
        sink = io.BytesIO()
        recording.to_dataframe().to_parquet(sink, index=False)
        sys.stdout.buffer.write(sink.getvalue())


if __name__ == "__main__":
    main(*sys.argv[1:])
