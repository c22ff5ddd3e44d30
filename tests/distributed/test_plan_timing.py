"""The arithmetic of plans: by hand, and by what must hold of any numbers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slide.distributed.planning.advice import best_batch, choose, nodes_needed, plan
from slide.distributed.planning.assumed import assumptions, letters
from slide.distributed.planning.counts import DIRECT, Counts, Lists, Work
from slide.distributed.planning.faults import Faults
from slide.distributed.planning.rates import NOTHING, Phase, Rates, line_through
from slide.distributed.planning.stored import checkpoint_bytes, coordinator_bytes, shard_bytes
from slide.distributed.planning.timing import Node, Step, alone, line_of, step_of
from slide.distributed.planning.traffic import traffic

COUNTS = Counts(1000, 300, 800, 9.0, 2.0)
WORK = Work(
    COUNTS, 301, 10.0, DIRECT, batch_size=100, epochs=2, active=5, rebuild_every=8,
    rebuild_growth=0.0, connections_per_label=20.0, list_limit=50,
    lists=Lists((0.5, 0.5), (0.01, 0.5)), n_long_lists=40,
)  # fmt: skip
RATES = Rates(
    take=Phase(1e-3, 1e-5), layers=NOTHING, ask=Phase(2e-3, 3e-5), entry_seconds=1e-6,
    pairs=Phase(4e-3, 5e-5 / 70), rebuild_label_seconds=8e-6, merge_seconds=1e-6,
    cut_seconds=1e-5, source="made up",
)  # fmt: skip
NODE = Node(1, 1e12, latency_seconds=1e-3, bandwidth_bytes_per_second=1e6, call_core_seconds=1e-3)


def test_a_shard_by_hand():
    # a search reads 10 features x (8 + 50) / 2 = 290 entries an example, 29 ms a batch; pairs,
    # (5 + 2) x 10 products an example, 9 ms; an eighth of a rebuild of 800
    # labels 0.8 ms; asking 5 ms, which is not divided
    assert WORK.lists.entries_per_feature(800, 50) == 29
    assert RATES.shard_core_seconds(WORK, 1) == pytest.approx(5e-3 + 38.8e-3)
    assert RATES.shard_core_seconds(WORK, 4) == pytest.approx(5e-3 + 9.7e-3)


def test_bytes_by_hand():
    # inputs: 101 x 8 + 100 x 10 x 8 = 8,808; labels 101 x 8 + 100 x 2 x 8 = 2,408; how many of the
    # best count: 400; scores of the best 100 x 5 x 4 = 2,000. An eighth of a rebuild: lengths of
    # 301 lists 1,204, scores of 40 long ones 40 x (8 + 50 x 4) = 8,320; out 40 x (8 + 12) = 800
    sent = traffic(WORK, 4)
    assert (sent.bytes_ahead, sent.bytes_out) == (8808 + 2408, 400 + 100)
    assert sent.bytes_back == 2000 + 9524 / 8
    assert (sent.rounds, sent.n_merged) == (2.25, 500)
    assert traffic(WORK, 1).n_bytes == 8808 + 2408


def test_a_step_by_hand():
    step = step_of(WORK, RATES, NODE, 4, traffic(WORK, 4))
    assert step.shards == pytest.approx(14.7e-3)
    assert step.take == pytest.approx(2e-3)
    assert step.ahead == pytest.approx(4 * 11216 / 1e6)
    # 4 shards x 2.25 rounds x 1 ms; 4 x 500 scores; an eighth of 4 x 40 cuts
    assert step.coordinator == pytest.approx(9e-3 + 2e-3 + 0.2e-3)
    assert step.transfer == pytest.approx(4 * (500 + 2000 + 1190.5) / 1e6)
    assert step.latency == pytest.approx(4.5e-3)
    at_once = step.take + step.ahead  # longer than shards compute
    rest = step.coordinator + step.transfer + step.latency
    assert step.seconds == pytest.approx(at_once + rest)
    assert step.limit == "bandwidth"


def test_loose_shards_by_hand():
    # lists of 200 labels: 10 x (2 + 50) / 2 = 260 entries an example, whatever others have
    loose = replace(WORK, loose=True)
    assert RATES.shard_core_seconds(loose, 4) == pytest.approx(5e-3 + 26e-3 + 9.8e-3 / 4)
    assert RATES.shard_core_seconds(loose, 1) == RATES.shard_core_seconds(WORK, 1)
    sent = traffic(loose, 4)
    assert (sent.bytes_ahead, sent.n_bytes, sent.rounds) == (11216, 11216, 1)
    assert step_of(loose, RATES, NODE, 4, sent).coordinator == pytest.approx(4e-3)


def test_a_line_by_hand():
    line, one = line_of(WORK, RATES, NODE, 4), line_of(WORK, RATES, NODE, 1)
    assert one.epoch_seconds == pytest.approx(10 * (43.8e-3 + 2e-3))
    assert line.epoch_seconds == pytest.approx(10 * line.step.seconds)
    assert line.speed_up == pytest.approx(one.epoch_seconds / line.epoch_seconds)
    assert line.efficiency == line.speed_up / 4
    assert (one.speed_up, one.bytes_per_step) == (1, 0)


def test_memory_by_hand():
    # a quarter of 800 labels: 20 connections of 36 bytes, and a total on each of 2 cores
    own = 200 * (20 * 36 + 2 * 4) + 301 * 32
    assert shard_bytes(WORK, 4, 2) == 400e6 + own
    assert coordinator_bytes(WORK) == 400e6 + 1000 * 40
    here = replace(WORK, counts=replace(COUNTS, mapped=False))
    assert shard_bytes(here, 4, 2) == 400e6 + own + 1000 * 11 * 8
    assert coordinator_bytes(here) == 400e6 + 1000 * 40 + 1000 * 11 * 8
    assert checkpoint_bytes(WORK, 4) == 200 * 20 * 20


def test_hidden_layers_by_hand():
    work = replace(
        WORK, learner="sampled", hidden=(64, 32), n_tables=3, n_buckets=16, lists=Lists((), ())
    )
    labels = 101 * 8 + 100 * 2 * 8
    sent = traffic(work, 4)
    assert (sent.bytes_ahead, sent.bytes_out) == (0, 100 * 33 * 4 + 5 * 8 + labels + 1200)
    assert sent.bytes_back == 100 * 33 * 4 + 1200 + 200 * 3 * 4 / 8
    assert (sent.rounds, sent.n_merged) == (2.125, 100 * 36)
    assert shard_bytes(work, 4, 1) == 400e6 + 200 * 33 * 12
    own = (301 * 64 + 65 * 32) * 12 + 3 * (800 * 4 + 16 * 8)
    assert coordinator_bytes(work) == 400e6 + own + 1000 * 40
    shards = replace(RATES, pairs=Phase(4e-3, 5e-5 / 33)).shard_core_seconds(work, 4)
    assert shards == pytest.approx(5e-3 + (9e-3 + 0.8e-3) / 4)


def test_rebuilds_are_those_of_the_schedule():
    # 20 steps: at 0, 8, 8 + 8e = 29.7
    assert replace(WORK, rebuild_growth=1.0).rebuilds_per_step == 2 / 20
    assert WORK.rebuilds_per_step == 1 / 8


@pytest.mark.parametrize(
    ("cores", "seconds", "one"), [(0.5, 2, 2), (1, 1, 1), (2, 1 / 1.8, 1), (16, 1 / 13, 1)]
)
def test_cores_of_a_node(cores, seconds, one):
    node = replace(NODE, cores=cores)
    assert node.seconds(1) == pytest.approx(seconds)
    assert node.seconds_on_one(1) == one


def test_lines_through_two_points():
    assert line_through((1, 3), (3, 7)) == (1, 2)
    assert line_through((3, 7), (1, 3)) == (1, 2)
    assert line_through((1, 3), (3, 2)) == (3, 0)
    assert line_through((2, 3), (2, 3)) == (3, 0)
    assert line_through((1, 1), (2, 4)) == (0, 3)


@pytest.mark.parametrize(
    ("step", "limit"),
    [
        (Step(5, 1, 1, 2, 2, 2), "compute"),
        (Step(5, 4, 2, 1, 1, 1), "coordinator"),
        (Step(5, 2, 4, 1, 1, 1), "bandwidth"),
        (Step(1, 0, 0, 1, 3, 2), "bandwidth"),
        (Step(1, 0, 0, 3, 1, 2), "coordinator"),
        (Step(1, 0, 0, 1, 1, 3), "latency"),
    ],
)
def test_limits_have_names(step, limit):
    assert step.limit == limit


def test_a_node_without_room_is_limited_by_memory():
    small = replace(NODE, memory_bytes=800.2e6)
    line = line_of(WORK, RATES, small, 1)
    assert not line.fits
    assert line.limit == "memory"
    needed = nodes_needed(WORK, small)
    assert line_of(WORK, RATES, small, needed).fits
    assert not line_of(WORK, RATES, small, needed - 1).fits
    assert nodes_needed(WORK, replace(NODE, memory_bytes=8e8)) is None


numbers = st.floats(1e-9, 1e-2)
nodes = st.builds(
    Node, st.floats(0.25, 64), st.floats(1e9, 1e12), numbers, st.floats(1e5, 1e11), numbers
)


@settings(max_examples=60, deadline=None)
@given(nodes, st.integers(2, 1000), st.floats(1, 100))
def test_more_of_anything_is_never_slower(node, n, factor):
    def seconds(node, n=n, work=WORK):
        return step_of(work, RATES, node, n, traffic(work, n)).seconds * (1 - 1e-12)

    now = seconds(node)
    faster = replace(node, bandwidth_bytes_per_second=node.bandwidth_bytes_per_second * factor)
    nearer = replace(node, latency_seconds=node.latency_seconds / factor)
    assert seconds(faster) <= now
    assert seconds(nearer) <= now
    assert seconds(replace(node, cores=node.cores * factor)) <= now
    fewer = replace(WORK, counts=replace(COUNTS, labels_per_example=2 / factor))
    assert seconds(node, work=fewer) <= now
    line = line_of(WORK, RATES, node, n)
    assert line.memory_bytes <= line_of(WORK, RATES, node, n - 1).memory_bytes
    assert line.step.shards <= alone(WORK, RATES, node).shards
    assert line.efficiency <= 1  # nothing is won by a network


def test_the_fastest_line_is_advised_if_it_pays():
    quick = replace(NODE, latency_seconds=0, bandwidth_bytes_per_second=1e12, call_core_seconds=0)
    rates = replace(RATES, take=NOTHING, merge_seconds=0, cut_seconds=0, ask=NOTHING)
    found = plan(WORK, rates, quick, [4, 1, 2, 2])
    assert [line.n_nodes for line in found.lines] == [1, 2, 4]
    assert found.lines[found.advised].n_nodes == 4
    assert found.reason == "4 nodes: the fastest line, limited by compute."


def test_a_slow_network_is_not_advised():
    slow = replace(NODE, bandwidth_bytes_per_second=1e5)
    found = plan(WORK, RATES, slow, [1, 2, 4], batch_is_fixed=True)
    assert found.lines[found.advised].n_nodes == 1
    small = replace(slow, memory_bytes=800.2e6)
    needed = nodes_needed(WORK, small)
    found = plan(WORK, RATES, small, [1, needed, needed + 1], batch_is_fixed=True)
    assert found.lines[found.advised].n_nodes == needed
    assert "the fewest that hold the labels" in found.reason


def test_what_pays_less_than_half_is_not_advised():
    lines = plan(WORK, RATES, NODE, [1, 2, 4], batch_is_fixed=True).lines
    lines = [replace(lines[0], epoch_seconds=8, speed_up=1.0),
             replace(lines[1], epoch_seconds=5, speed_up=1.6),
             replace(lines[2], epoch_seconds=4.5, speed_up=1.8)]  # fmt: skip
    number, reason = choose(lines, WORK, NODE)
    assert number == 1
    assert "4 nodes would be 1.1 times as fast, limited by bandwidth" in reason


def test_nothing_is_advised_if_nothing_fits():
    small = replace(NODE, memory_bytes=800.2e6)
    assert plan(WORK, RATES, small, [1]).advised is None
    assert f"take {nodes_needed(WORK, small)} nodes" in plan(WORK, RATES, small, [1]).reason
    assert "however many" in plan(WORK, RATES, replace(NODE, memory_bytes=1e6), [1]).reason


def test_a_batch_is_doubled_where_that_saves_a_tenth():
    costly = replace(RATES, ask=Phase(1.0, 0.0))
    assert best_batch(WORK, costly, NODE, 2).batch_size == 800  # 1,600 would be above 1,024
    free = replace(RATES, ask=NOTHING, pairs=Phase(0.0, 1e-3 / 70), take=NOTHING)
    assert best_batch(WORK, free, NODE, 1).batch_size == 100
    fixed = plan(WORK, costly, NODE, [2], batch_is_fixed=True)
    assert fixed.lines[0].batch_size == 100


def test_every_letter_is_an_assumption():
    small = replace(NODE, memory_bytes=800.2e6)
    found = plan(WORK, replace(RATES, ask=Phase(1.0, 0.0)), small, [1, 2, 1000])
    faults = Faults(0.1, 1.0)
    said = "".join(letters(found, line, faults) for line in found.lines)
    assert set(said) == set(assumptions(found, faults))
    assert "h" not in letters(found, found.lines[0], Faults())
