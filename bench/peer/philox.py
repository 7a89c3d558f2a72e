"""Philox4x32-10 (Salmon et al., SC 2011) keyed as weft keys it, in numpy: key = (seed, stream),
counter = (element // 4, step, 64-bit FNV-1a of a stable name). Elements count in NHWC order."""
import numpy as np

STREAMS = {"data": 1, "init": 2, "gumbel": 3, "dropout": 4, "policy": 5}
LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


def hash_name(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def words(seed, stream, step, name, count):
    """The first `count` 32-bit words (count below 2^34)."""
    blocks = (count + 3) // 4
    key = [seed % 2**32, (seed >> 32) % 2**32 ^ STREAMS[stream] * 0x9E3779B9 % 2**32]
    name = hash_name(name)
    counter = [np.arange(blocks, dtype=np.uint64)]
    counter += [np.full(blocks, v, np.uint64) for v in (step, name % 2**32, name >> 32)]
    for _ in range(10):
        c0, c1, c2, c3 = counter
        left, right = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        counter = [(right >> SHIFT) ^ c1 ^ np.uint64(key[0]), right & LOW,
                   (left >> SHIFT) ^ c3 ^ np.uint64(key[1]), left & LOW]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return np.stack(counter, axis=1).reshape(-1)[:count]


def uniforms(seed, stream, step, name, shape):
    """((word >> 8) + 0.5) / 2^24, in (0, 1)."""
    drawn = words(seed, stream, step, name, int(np.prod(shape)))
    return (((drawn >> np.uint64(8)).astype(np.float64) + 0.5) / 2**24).reshape(shape)


def normals(seed, stream, step, name, shape):
    """Box and Muller: element i takes the uniforms 2 i and 2 i + 1."""
    u = uniforms(seed, stream, step, name, (int(np.prod(shape)), 2))
    return (np.sqrt(-2 * np.log(u[:, 0])) * np.cos(2 * np.pi * u[:, 1])).reshape(shape)
