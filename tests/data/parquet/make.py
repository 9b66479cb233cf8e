"""Writes the files of this folder that begin with `few`, with pyarrow (26.0.1 wrote those that are here), and those of the fuzz
target's corpus: one small table in every codec and kind of file, and files of what is read in no other way.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install pyarrow && /tmp/v/bin/python tests/data/parquet/make.py
"""
import datetime as dt
import decimal
import pathlib

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
corpus = here.parents[2] / "fuzz/corpus/columnar"

few = pa.table({
    "i": pa.array([1, None, -3, 4, 5], pa.int32()),
    "f": pa.array([0.5, 1.5, None, -2.0, 1e300]),
    "s": pa.array(["a", "b", None, "a", "ü"]),
    "vec": pa.array([[1, 2], [3, 4], [5, 6], None, [7, 8]], pa.list_(pa.float32(), 2)),
    "cat": pa.array(["x", "y", "x", None, "x"]).dictionary_encode(),
})
nested = pa.table({
    "place": pa.array([{"x": 1, "name": "a"}, None, {"x": None, "name": "b"}]),
    "list": pa.array([[1, 2, 3], [4, 5, 6], None], pa.list_(pa.int16())),
    "numbers": pa.array([7, 8, 7]).dictionary_encode(),
    "large": pa.array(["a", None, "bc"], pa.large_string()),
    "bytes": pa.array([b"a", b"b", None], pa.binary()),
    "none": pa.nulls(3),
    "u": pa.array([0, 2**63, 2**64 - 1], pa.uint64()),
    "day": pa.array([dt.date(1969, 12, 31), None, dt.date(2026, 2, 28)], pa.date64()),
    "at": pa.array([-1500, 0, 86400500], pa.timestamp("ms", tz="Europe/Berlin")),
    "ns": pa.array([1, None, 1_700_000_000_123_456_789], pa.timestamp("ns")),
    "time": pa.array([dt.time(1, 2, 3), None, dt.time(23, 59, 59, 500000)], pa.time64("us")),
    "took": pa.array([1500, -1, None], pa.duration("ms")),
    "big": pa.array([decimal.Decimal("123456789012345678901234567.89"), None, decimal.Decimal("-0.01")], pa.decimal128(38, 2)),
})
maps = pa.table({"y": [1, 2], "m": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64()))})
ragged = pa.table({"y": [1, 2, 3], "list": pa.array([[1.0, 2.0], None, [3.0]])})


def stream(table, path):
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
    pq.write_table(few, here / f"few_{codec}.parquet", compression=codec, row_group_size=2, write_page_checksum=codec == "zstd")
pq.write_table(few, here / "few_plain.parquet", use_dictionary=False, data_page_version="2.0", version="1.0")
for codec in ["uncompressed", "lz4", "zstd"]:
    feather.write_feather(few, here / f"few_{codec}.feather", compression=codec, chunksize=2)
stream(few, here / "few.arrows")
pq.write_table(nested, here / "few_nested.parquet")
feather.write_feather(nested, here / "few_nested.arrow", compression="uncompressed")
pq.write_table(maps, here / "few_maps.parquet")
pq.write_table(ragged, here / "few_ragged.parquet")

corpus.mkdir(parents=True, exist_ok=True)
# A flipped bit of a page should get to its decoder, so no checksums here.
for codec in ["none", "snappy", "zstd"]:
    pq.write_table(few, corpus / f"few_{codec}.parquet", compression=codec, row_group_size=2, store_schema=codec == "none")
pq.write_table(nested, corpus / "nested.parquet", compression="none")
feather.write_feather(few, corpus / "few.arrow", compression="uncompressed", chunksize=2)
feather.write_feather(few, corpus / "few_lz4.arrow", compression="lz4")
feather.write_feather(nested, corpus / "nested.arrow", compression="uncompressed")
stream(few, corpus / "few.arrows")
