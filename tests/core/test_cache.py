"""What is kept in memory, bounded in bytes."""

from __future__ import annotations

from medview.core.cache import Kept


def test_kept_is_bounded_in_bytes_and_forgets_the_oldest() -> None:
    kept: Kept[str, str] = Kept(100)
    kept.put("a", "A", 40)
    kept.put("b", "B", 40)
    assert kept.get("a") == "A"  # now newer than b
    kept.put("c", "C", 40)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("A", None, "C")
    assert kept.used_bytes == 80
    kept.put("a", "A2", 10)
    assert kept.used_bytes == 50
    kept.put("huge", "H", 1000)
    assert (len(kept), kept.get("huge")) == (1, "H")
