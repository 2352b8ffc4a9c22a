"""Seconds of R's forecast::ets with 48 steps, one thread, on a sample of series. Arguments: a file
of f64 [series][points], the number of series."""
import json
import subprocess
import sys

SCRIPT = """
a <- commandArgs(TRUE); n <- as.integer(a[2])
x <- readBin(a[1], "double", file.size(a[1]) / 8)
m <- matrix(x, nrow = n, byrow = TRUE)
suppressMessages(library(forecast))
t <- proc.time()[["user.self"]]
for (i in 1:n) forecast(ets(ts(m[i, ], frequency = 24)), h = 48)
cat(proc.time()[["user.self"]] - t)
"""
said = subprocess.run(
    ["Rscript", "-e", SCRIPT, sys.argv[1], sys.argv[2]], capture_output=True, text=True, check=True
)
print(json.dumps({"seconds": float(said.stdout)}))
