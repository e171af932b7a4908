"""Clusters the vectors of a folder with one of Foray's rivals.

usage: clustering.py METHOD K FOLDER THREADS

Reads vectors.f32 and weights.f64, writes METHOD.i32, and prints as JSON the
seconds that fitting took, of wall and of CPU: files, imports and the last
assignment are not in them.
"""
import json
import os
import sys
import time

method, k, folder, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.environ["OMP_NUM_THREADS"] = threads

import numpy as np


def cpu():
    """The CPU seconds of this process and of the children that have ended."""
    return sum(os.times()[:4])


weight = np.fromfile(os.path.join(folder, "weights.f64"), "<f8")
x = np.fromfile(os.path.join(folder, "vectors.f32"), "<f4").reshape(len(weight), -1)

if method.startswith("faiss"):  # faiss-ITERATIONS
    import faiss

    means = faiss.Kmeans(x.shape[1], k, niter=int(method.split("-")[1]), spherical=True, seed=1,
                         min_points_per_centroid=1, max_points_per_centroid=len(x))
    start = time.time(), cpu()
    means.train(x, weights=weight.astype("f4"))
    end = time.time(), cpu()
    assign = means.assign(x)[1]
elif method == "minibatch":
    from sklearn.cluster import MiniBatchKMeans

    means = MiniBatchKMeans(k, max_iter=5, batch_size=4096, n_init=1, random_state=1)
    start = time.time(), cpu()
    means.fit(x, sample_weight=weight)
    end = time.time(), cpu()
    assign = means.labels_
elif method == "kmeans":
    from sklearn.cluster import KMeans

    means = KMeans(k, max_iter=25, n_init=1, random_state=1, init="random")
    start = time.time(), cpu()
    means.fit(x, sample_weight=weight)
    end = time.time(), cpu()
    assign = means.labels_
elif method == "constrained":  # balances counts: it knows no weights
    from k_means_constrained import KMeansConstrained

    most = int(np.ceil(1.05 * len(x) / k))
    means = KMeansConstrained(k, size_min=1, size_max=most, n_init=1, random_state=1)
    start = time.time(), cpu()
    means.fit(x)
    end = time.time(), cpu()
    assign = means.labels_
else:
    sys.exit(f"no method {method}")

assign.astype("<i4").tofile(os.path.join(folder, method + ".i32"))
print(json.dumps({"seconds": end[0] - start[0], "cpu": end[1] - start[1]}))
