"""HSTU blocks in numpy: any mask, one user, one full matrix of scores a head."""

import numpy as np

EPSILON = 1e-6


def silu(x):
    return x / (1 + np.exp(-x))


def norm(x, scale=1.0, offset=0.0):
    centred = x - x.mean(-1, keepdims=True)
    return scale * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON) + (
        offset
    )


def bucket(seconds):
    return int(np.floor(np.log(max(abs(seconds), 1)) / 0.301))


def weights_of(block):
    """Weights of a block by path, as float64."""
    return {w.path.split("/", 1)[-1]: np.asarray(w, "float64") for w in block.weights}


def perturbed(block, seed=0, scale=0.3):
    """The block with weights that are all random."""
    rng = np.random.default_rng(seed)
    for weight in block.trainable_weights:
        noise = rng.normal(0, scale, weight.shape)
        weight.assign(np.asarray(weight) + noise.astype("float32"))
    return block


def biases(weights, settings, places, times):
    """`(n, n)` biases; a place is that of the query in rows, of the key in columns."""
    total = np.zeros((len(places),) * 2)
    for i, j in np.ndindex(total.shape):
        if settings.position_bias:
            distance = np.clip(places[i] - places[j], 0, settings.max_distance)
            total[i, j] += weights["bias/positions"][distance]
        if settings.time_bias and times is not None and min(times[i], times[j]) >= 0:
            place = min(bucket(times[i] - times[j]), settings.num_time_buckets)
            total[i, j] += weights["bias/times"][place]
    return total


def block(x, mask, places, times, weights, settings):
    """`(n, width)` tokens after one block.

    `x` `(n, width)` in any order, `mask` `(n, n)`: row `i` sees column `j`.
    """
    x, heads = np.asarray(x, "float64"), settings.num_heads
    normed = norm(
        x, weights.get("input_norm/gamma", 1), weights.get("input_norm/beta", 0)
    )
    made = normed @ weights["uqkv/kernel"] + weights.get("uqkv/bias", 0)
    dk = settings.query_dim or x.shape[1] // heads
    dv = settings.value_dim or x.shape[1] // heads
    gates, queries, keys, values = np.split(
        made, np.cumsum([heads * dv, heads * dk, heads * dk]), axis=1
    )
    gates = silu(gates)
    if settings.activated == "all":
        queries, keys, values = silu(queries), silu(keys), silu(values)
    bias = biases(weights, settings, places, times)
    found = np.zeros_like(gates)
    for h in range(heads):
        part, out = slice(h * dk, (h + 1) * dk), slice(h * dv, (h + 1) * dv)
        scores = queries[:, part] @ keys[:, part].T
        scores = scores / (np.sqrt(dk) if settings.scale_scores else 1) + bias
        if settings.attention == "silu":
            attention = np.where(mask, silu(scores) / settings.divisor, 0)
        else:
            raised = np.where(mask, np.exp(scores), 0)
            total = raised.sum(-1, keepdims=True)
            attention = raised / np.where(total > 0, total, 1)
        found[:, out] = attention @ values[:, out]
    gated = gates * norm(
        found, weights.get("result_norm/gamma", 1), weights.get("result_norm/beta", 0)
    )
    if settings.output == "concat":
        gated = np.concatenate([gates, found, gated], axis=1)
    return x + gated @ weights["output/kernel"] + weights["output/bias"]
