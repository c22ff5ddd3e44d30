"""What an example finds in its buckets, and whom of them it keeps.

Neurons met are counted in an open-addressing hash table as large as the visits need, so that the
cost depends on what is read and not on how many neurons there are. An entry of it is one number:
the neuron in the upper half, then the last table it was met in, then how often or how early.
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import Number, compiled
from slide.backends.threads.tables import mix_number
from slide.core.contract.arrays import Array

FREE = np.uint64(0)
ONE, ID_BITS, TABLE_BITS = np.uint64(1), np.uint64(32), np.uint64(16)
LOW = np.uint64(0xFFFF)
TABLE = LOW << TABLE_BITS
ID = ~np.uint64(0xFFFFFFFF)
BYTE = 256
DIGIT_BITS, DIGITS = 11, 1 << 11  # of a radix sort
FEW = 64  # numbers that sort faster by comparing


@compiled
def look_into_buckets(
    start: int,
    stop: int,
    codes: Array,
    offsets: Array,
    table_ids: Array,
    L: int,
    n_buckets: int,
    n: int,
    visits: Array,
    bucket_limit: int,
    budget: int,
    vanilla: bool,
    threshold: int,
    spread: Number,
) -> tuple[Array, Array]:
    """What examples start to stop keep.

    Returns:
        lengths i64 (stop - start,) and ids i32, those of an example ascending.
    """
    probes = codes.shape[1] // L
    most, total = 0, 0
    for i in range(start, stop):
        most = max(most, min(visits[i], n))
        total += min(visits[i], min(n, budget))
    size = 4
    while size < 2 * most:
        size *= 2
    entries, used = np.zeros(size, np.uint64), np.empty(most, np.int64)
    neurons, ranks = np.empty(most, np.int32), np.empty(most, np.int32)
    order, scratch = np.arange(L), np.empty(most, np.uint32)
    counts = np.empty(max(BYTE, DIGITS, L * probes + 1), np.int64)
    kept, lengths, n_kept = np.empty(total, np.int32), np.empty(stop - start, np.int64), 0
    for i in range(start, stop):
        if vanilla:
            order = order_of_tables(i, L, spread)
        n_used = 0
        for t in range(L):
            for p in range(probes):
                bucket = order[t] * n_buckets + np.int64(codes[i, order[t] * probes + p])
                first = offsets[bucket]
                last = min(offsets[bucket + 1], first + bucket_limit)
                turn = p * L + t
                n_used = count_bucket(
                    table_ids[first:last], t, turn, vanilla, entries, used, n_used
                )
        n_enough = 0
        for slot in used[:n_used]:
            rank = np.int64(entries[slot] & LOW)
            if vanilla or rank >= threshold:
                neurons[n_enough] = np.int32(entries[slot] >> ID_BITS) - 1
                ranks[n_enough] = rank if vanilla else L - rank
                n_enough += 1
            entries[slot] = FREE
        chosen = kept[n_kept : n_kept + min(n_enough, budget)]
        choose_smallest(neurons[:n_enough], ranks, spread, counts, scratch, chosen)
        lengths[i - start] = len(chosen)
        n_kept += len(chosen)
    return lengths, kept[:n_kept]


@compiled
def order_of_tables(example: int, L: int, spread: Number) -> Array:
    """In which order an example probes the tables under `vanilla`."""
    draws = np.empty(L, np.uint32)
    for table in range(L):
        draws[table] = mix_number(np.uint32(example * L + table), spread)
    return np.argsort(draws)


@compiled
def count_bucket(
    bucket: Array, t: int, turn: int, vanilla: bool, entries: Array, used: Array, n_used: int
) -> int:
    """Count the neurons of a bucket of table t: in how many tables, or at which turn first.

    Args:
        bucket: i32, the neurons.
        t: number of the table in the example's order.
        turn: number of the bucket in it, over all probes.
        vanilla: whether turns are kept, and not counts.
        entries: u64, the hash table, which is written.
        used: i64, the slots in use; those of new neurons are written behind.
        n_used: how many they are.

    Returns:
        how many they are now.
    """
    mask = len(entries) - 1
    table = np.uint64(t) << TABLE_BITS
    for e in range(len(bucket)):
        neuron = np.uint32(bucket[e])
        key = np.uint64(neuron + np.uint32(1)) << ID_BITS
        slot = np.int64(neuron * np.uint32(0x9E3779B1) >> np.uint32(7)) & mask
        while entries[slot] != FREE and entries[slot] & ID != key:
            slot = (slot + 1) & mask
        entry = entries[slot]
        if entry == FREE:
            entries[slot] = key | np.uint64(turn) if vanilla else key | table | ONE
            used[n_used] = slot
            n_used += 1
        elif vanilla:
            entries[slot] = min(entry, key | np.uint64(turn))
        elif entry & TABLE != table:
            entries[slot] = (key | table | (entry & LOW)) + ONE
    return n_used


@compiled
def choose_smallest(
    neurons: Array, ranks: Array, spread: Number, counts: Array, scratch: Array, chosen: Array
) -> None:
    """Write the neurons of smallest rank into `chosen`, which says how many, ascending by id.

    Args:
        neurons: i32 (m,), distinct.
        ranks: i32 (m,) or longer, each below the length of `counts`.
        spread: of the salt; ties go to the smaller `mix_number(neuron, spread)`.
        counts: i64, for histograms.
        scratch: u32 (m,) or longer.
        chosen: i32, at most m.
    """
    budget = len(chosen)
    if budget == 0:
        return
    cut, largest = len(counts), np.uint32(0xFFFFFFFF)
    if budget < len(neurons):
        counts[:] = 0
        for j in range(len(neurons)):
            counts[ranks[j]] += 1
        cut, n_before = 0, 0
        while n_before + counts[cut] < budget:
            n_before += counts[cut]
            cut += 1
        n_ties = 0
        for j in range(len(neurons)):
            if ranks[j] == cut:
                scratch[n_ties] = mix_number(neurons[j], spread)
                n_ties += 1
        largest = kth_smallest(scratch[:n_ties], budget - n_before - 1, counts)
    place = 0
    for j in range(len(neurons)):
        if ranks[j] < cut or (ranks[j] == cut and mix_number(neurons[j], spread) <= largest):
            chosen[place] = neurons[j]
            place += 1
    sort_ids(chosen, counts, scratch)


@compiled
def kth_smallest(numbers: Array, k: int, counts: Array) -> Number:
    """The (k + 1)-th smallest of some numbers, u32 and spread evenly; moves them."""
    counts[:BYTE] = 0
    for number in numbers:
        counts[number >> np.uint32(24)] += 1
    top = 0
    while counts[top] <= k:
        k -= counts[top]
        top += 1
    n_same = 0
    for number in numbers:
        numbers[n_same] = number
        n_same += number >> np.uint32(24) == top
    same = numbers[:n_same]
    same.sort()
    return same[k]


@compiled
def sort_ids(ids: Array, counts: Array, scratch: Array) -> None:
    """Sort ids in place: digit by digit from the lowest, where there are enough of them."""
    if len(ids) <= FEW:
        ids.sort()
        return
    largest = ids.max()
    source, target = ids.view(np.uint32), scratch[: len(ids)]
    shift = 0
    while largest >> shift > 0:
        counts[:DIGITS] = 0
        for number in source:
            counts[(number >> np.uint32(shift)) & np.uint32(DIGITS - 1)] += 1
        place = 0
        for digit in range(DIGITS):
            counts[digit], place = place, place + counts[digit]
        for number in source:
            digit = (number >> np.uint32(shift)) & np.uint32(DIGITS - 1)
            target[counts[digit]] = number
            counts[digit] += 1
        source, target = target, source
        shift += DIGIT_BITS
    if shift // DIGIT_BITS % 2:
        ids.view(np.uint32)[:] = source
