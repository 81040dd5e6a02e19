"""The front of a training: what is kept, what is chosen, and what is shown of it."""

from hypothesis import given
from hypothesis import strategies as st

from bitwright.frontend.pareto import Member, chosen, joined, spread

MEMBERS = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20)), min_size=1, max_size=30)


def front_of(pairs):
    front = []
    for epoch, (ebops, quality) in enumerate(pairs):
        front = joined(front, Member(epoch, ebops, quality / 20))
    return front


@given(MEMBERS)
def test_a_front_holds_what_nothing_beats_and_no_more(pairs):
    front = front_of(pairs)
    kept = {(member.ebops, round(member.quality * 20)) for member in front}
    best = {(e, q) for e, q in pairs if not any((f <= e and r >= q and (f, r) != (e, q)) for f, r in pairs)}
    assert kept == best
    assert [member.ebops for member in front] == sorted(member.ebops for member in front)
    assert [member.quality for member in front] == sorted(member.quality for member in front)


def test_the_cheapest_that_is_good_enough_is_chosen():
    front = [Member(3, 100, 0.60), Member(2, 400, 0.695), Member(1, 900, 0.70)]
    assert chosen(front, 0.0) == front[2]
    assert chosen(front, 0.005001) == front[1]
    assert chosen(front, 1.0) == front[0]


@given(MEMBERS, st.integers(2, 6))
def test_a_spread_keeps_both_ends(pairs, count):
    front = front_of(pairs)
    some = spread(front, count)
    assert len(some) <= count
    assert (some[0], some[-1]) == (front[0], front[-1])
    assert set(some) <= set(front)
