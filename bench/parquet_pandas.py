"""One reading of a Parquet file into tensors, as pandas' users do it: `parquet_pandas.py FILE READINGS [COLUMN...]`. Prints seconds, best of the readings.

Features become one float32 tensor, text codes of its categories, the target int64.
"""

import json
import sys
import time

import numpy
import pandas
import torch


def read(file, columns):
    frame = pandas.read_parquet(file, columns=columns or None)
    target = torch.from_numpy(frame.pop("y").to_numpy(numpy.int64))
    for name in frame.columns:
        if not pandas.api.types.is_numeric_dtype(frame[name]):
            frame[name] = pandas.factorize(frame[name])[0]
    return torch.from_numpy(frame.to_numpy(numpy.float32)), target


def main():
    seconds = []
    for _ in range(int(sys.argv[2])):
        begin = time.perf_counter()
        features, target = read(sys.argv[1], sys.argv[3:])
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"samples": len(target), "columns": features.shape[1], "load_seconds": min(seconds)}))


main()
