"""The ridge forecaster of NLinear by numpy: windows laid out, one solve. Arguments: a file of f64
[columns][points], the number of columns. Prints the seconds of the products and the solve (laying
out apart, in their favour) on one thread, and the squared error of the training windows."""
import json
import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
import time

import numpy as np

WINDOW, HORIZON, LAMBDA = 336, 96, 1000.0
series = np.fromfile(sys.argv[1]).reshape(int(sys.argv[2]), -1)
windows = np.concatenate(
    [np.lib.stride_tricks.sliding_window_view(y, WINDOW + HORIZON) for y in series]
)
began = time.process_time()
windows = windows - windows[:, WINDOW - 1 : WINDOW]
x, y = np.ascontiguousarray(windows[:, :WINDOW]), np.ascontiguousarray(windows[:, WINDOW:])
laid_out = time.process_time() - began
took = []
for _ in range(3):
    began = time.process_time()
    w = np.linalg.solve(x.T @ x + LAMBDA * np.eye(WINDOW), x.T @ y)
    took.append(time.process_time() - began)
error = float(((x @ w - y) ** 2).mean())
print(json.dumps({"seconds": sorted(took)[1], "laid_out": laid_out, "error": error}))
