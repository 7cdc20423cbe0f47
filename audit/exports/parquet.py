"""Parquet: typed columns, a row group for every few thousand rows, the manifest as the file's key-value metadata.

Needs pyarrow, which is loaded here and nowhere else.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audit.errors import AuditError
from audit.exports.columns import Column

ROW_GROUP = 5_000


def write_parquet(path: Path, columns: tuple[Column, ...], rows: Iterator[list[Any]], manifest: Any) -> None:
    """Write the rows to a new file; ``manifest()`` is asked when all are written.

    Raises AuditError (``missing``) without pyarrow, OSError where the file cannot be written.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise AuditError("missing", "Parquet needs pyarrow: pip install 'coatcheck[audit]'.") from None
    kinds = {
        "text": pa.string(),
        "integer": pa.int64(),
        "real": pa.float64(),
        "truth": pa.bool_(),
        "moment": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(column.name, kinds[column.kind]) for column in columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(rows, ROW_GROUP)):
            arrays = [
                pa.array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({"coatcheck": json.dumps(manifest(), ensure_ascii=False)})
